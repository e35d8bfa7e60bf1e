#include "plugin_host/plugin_check_runner.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"
#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {
namespace {

std::uint32_t to_ms(Duration timeout) {
    constexpr std::int64_t longest = std::numeric_limits<std::uint32_t>::max();
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 1, longest));
}

sysp_check_request foreign_request(const platform::CheckRequest& request) {
    sysp_check_request foreign{};
    foreign.size = sizeof foreign;
    foreign.timeout_ms = to_ms(request.timeout);
    foreign.pid = request.pid;
    foreign.unit = borrow(request.unit);
    foreign.target = borrow(request.target);
    return foreign;
}

}  // namespace

PluginCheckRunner::PluginCheckRunner(std::shared_ptr<HostCore> core, const PluginCatalog& catalog,
                                     Duration grace)
    : core_(std::move(core)), catalog_(catalog), grace_(grace) {}

PluginCheckRunner::~PluginCheckRunner() {
    for (const auto& [check, running] : running_) core_->loop().cancel_timer(running.deadline);
    for (auto& [daemon, checker] : checkers_)
        core_->destroy(*checker.instance, *checker.options->kind);
}

// Those of the checker that was made before if they are the same. What a plugin in a process of its
// own makes of them may change with its file.
Result<std::shared_ptr<const PluginCheckRunner::Options>> PluginCheckRunner::options(
    const LoadedKind& kind, const std::string& json) {
    auto latest = latest_options_.lock();
    if (latest && latest->kind == &kind && latest->json == json && kind.remote == nullptr)
        return latest;
    auto config = core_->configure(kind, json);
    if (!config) return Error{ErrorCode::unavailable, config.error().message};
    latest = std::make_shared<const Options>(Options{&kind, json, *std::move(config)});
    latest_options_ = latest;
    return latest;
}

Result<PluginCheckRunner::Checker*> PluginCheckRunner::checker(
    const platform::CheckRequest& request) {
    if (const auto found = checkers_.find(request.daemon); found != checkers_.end()) {
        const Checker& present = found->second;
        const bool fits = present.options->kind->info.name == request.checker &&
                          present.options->json == request.options_json && !core_->owed(present.op);
        if (fits) return &found->second;
        drop(request.daemon);
    }
    const LoadedKind* const kind = catalog_.find(KindType::checker, request.checker);
    if (kind == nullptr) {
        return Error{ErrorCode::not_found,
                     "there is no checker \"" + request.checker + "\" among the plugins"};
    }
    auto used = options(*kind, request.options_json);
    if (!used) return used.error();
    const auto instance = core_->create(*kind, (*used)->config);
    if (!instance) return instance.error();
    return &checkers_.emplace(request.daemon, Checker{*std::move(used), *instance, 0})
                .first->second;
}

void PluginCheckRunner::report_error(CheckId check, Error error) {
    core_->loop().post([this, core = core_, check, error = std::move(error)] {
        if (!core->now() || observer_ == nullptr || running_.erase(check) == 0) return;
        // Options that the plugin's present version does not take say nothing of the daemon.
        const bool lost = error.code == ErrorCode::unavailable;
        using Outcome = platform::CheckReport::Outcome;
        observer_->checked(check, {lost ? Outcome::lost : Outcome::errored, error.message, {}});
    });
}

void PluginCheckRunner::start(const platform::CheckRequest& request) {
    const auto present = checkers_.find(request.daemon);
    const bool busy = present != checkers_.end() && core_->waiting(present->second.op);
    const Instant began = core_->clock().now().mono;
    Running& running = running_[request.check];
    running = {request.daemon, 0, 0, began};
    if (busy) {
        return report_error(request.check,
                            {ErrorCode::invalid_state, "the previous check has not ended yet"});
    }
    const auto used = checker(request);
    if (!used) return report_error(request.check, used.error());
    Checker& checker = **used;
    const sysp_op op = core_->begin(OpType::check, *checker.instance, this, 0, request.check.value);
    running.op = op;
    checker.op = op;
    const sysp_check_request foreign = foreign_request(request);
    const auto accepted = core_->call(*checker.instance, "start", [&] {
        return checker.options->kind->checker.start(checker.instance->self, op, &foreign);
    });
    if (!accepted) return core_->refused(*checker.instance, op, accepted.error());
    if (!core_->waiting(op)) return;  // The answer waits in the inbox already.
    running.deadline = core_->loop().start_timer(began + request.timeout + grace_,
                                                 [this, check = request.check] { expired(check); });
}

// Cancels the operation; until its completion comes the checker takes no other check.
void PluginCheckRunner::stop_waiting(const Running& running) {
    const auto found = checkers_.find(running.daemon);
    if (running.op == 0 || found == checkers_.end() || !core_->give_up(running.op)) return;
    const Checker& checker = found->second;
    static_cast<void>(core_->call(*checker.instance, "cancel", [&] {
        checker.options->kind->checker.cancel(checker.instance->self, running.op);
        return sysp_status{SYSP_OK};
    }));
}

bool PluginCheckRunner::unheard(const Running& running) const {
    const auto found = checkers_.find(running.daemon);
    if (found == checkers_.end()) return false;
    const Checker& checker = found->second;
    RemotePlugin* const remote = checker.options->kind->remote;
    if (remote == nullptr) return false;
    const auto* const made = static_cast<const RemoteInstance*>(checker.instance->self);
    return remote->unheard(*made, running.op);
}

void PluginCheckRunner::cancel(CheckId check) {
    auto node = running_.extract(check);
    if (!node) return;
    core_->loop().cancel_timer(node.mapped().deadline);
    stop_waiting(node.mapped());
}

void PluginCheckRunner::expired(CheckId check) {
    const auto found = running_.find(check);
    if (found == running_.end() || !core_->waiting(found->second.op)) return;
    const Running running = found->second;
    running_.erase(found);
    platform::CheckReport report;
    report.message = "checker did not answer";
    report.latency = core_->clock().now().mono - running.began;
    if (unheard(running)) {
        report.outcome = platform::CheckReport::Outcome::lost;
        report.message = "the plugin's process did not come to this check";
    } else {
        core_->count_unanswered();
    }
    stop_waiting(running);
    if (observer_ != nullptr) observer_->checked(check, report);
}

void PluginCheckRunner::forget(DaemonKey daemon) {
    for (auto at = running_.begin(); at != running_.end();) {
        const auto next = std::next(at);
        if (at->second.daemon == daemon) cancel(at->first);
        at = next;
    }
    drop(daemon);
}

void PluginCheckRunner::drop(DaemonKey daemon) {
    const auto found = checkers_.find(daemon);
    if (found == checkers_.end()) return;
    core_->destroy(*found->second.instance, *found->second.options->kind);
    checkers_.erase(found);
}

void PluginCheckRunner::completed(Completion& completion) {
    const auto found = running_.find(CheckId{completion.user});
    if (found == running_.end() || found->second.op != completion.op) return;
    const Running running = found->second;
    running_.erase(found);
    core_->loop().cancel_timer(running.deadline);
    platform::CheckReport report;
    if (completion.error) {
        report.message = completion.error->message;
        if (completion.error->code == ErrorCode::unavailable)
            report.outcome = platform::CheckReport::Outcome::lost;
    } else {
        report = std::get<platform::CheckReport>(std::move(completion.payload));
    }
    report.latency = completion.at - running.began;
    if (observer_ != nullptr) observer_->checked(CheckId{completion.user}, report);
}

}  // namespace syspulse::plugin_host
