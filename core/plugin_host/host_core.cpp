#include "plugin_host/host_core.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "plugin_host/host_functions.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"
#include "plugin_host/plugin_text.hpp"
#include "plugin_host/try_spawn.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr Duration slow_call = std::chrono::milliseconds{50};
constexpr Duration slow_call_silence = std::chrono::minutes{1};

}  // namespace

HostCore::HostCore(platform::EventLoop& loop, const platform::Clock& clock,
                   std::size_t worker_limit, OptionsCompletion complete_options)
    : loop_(&loop),
      clock_(&clock),
      workers_(std::make_unique<WorkerPool>(worker_limit)),
      loop_thread_(std::this_thread::get_id()),
      complete_options_(std::move(complete_options)) {}

void HostCore::close() {
    std::unique_ptr<WorkerPool> workers;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        table_.inbox().clear();
        workers = std::move(workers_);
    }
    workers.reset();
    for (Instance& instance : instances_) {
        if (instance.open) retire(instance);
    }
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
    clock_ = nullptr;
}

Instance& HostCore::take_instance(const LoadedKind& kind) {
    // One that a plugin in this process had is never another's: its threads may call for ever.
    const bool remote = kind.remote != nullptr;
    if (!remote || unused_.empty()) {
        Instance& made = instances_.emplace_back();
        made.core = this;
        provide_host_functions(made.host);
        made.host.impl = &made;
        unused_.push_back(&made);
    }
    Instance& taken = *unused_.back();
    unused_.pop_back();
    taken.label = &*labels_.insert(kind.plugin_id + "/" + kind.info.name).first;
    taken.remote = remote;
    taken.number =
        remote || calls_ == nullptr ? std::uint8_t{0} : number_of_plugin(*calls_, kind.plugin_id);
    taken.self = nullptr;
    taken.last_error.reset();
    taken.open = true;
    return taken;
}

void HostCore::retire(Instance& instance) {
    instance.open = false;
    if (!instance.watches.empty() || !instance.timers.empty()) {
        log::warn("plugin " + *instance.label + " left watches or timers behind; they are removed");
    }
    for (const platform::WatchId id : instance.watches.take()) loop_->unwatch(id);
    for (const platform::TimerId id : instance.timers.take()) loop_->cancel_timer(id);
    {
        const std::lock_guard lock(mutex_);
        table_.drop_operations_of(&instance);
    }
    if (instance.remote) unused_.push_back(&instance);
}

Result<PluginConfig> HostCore::configure(const LoadedKind& kind, std::string_view options) const {
    if (kind.remote != nullptr || !complete_options_) return PluginConfig::parse(options);
    const bool driver = kind.info.type == KindType::driver;
    const auto full =
        complete_options_(driver ? kind.info.process_schema : kind.info.config_schema, options);
    if (full) return PluginConfig::parse(*full);
    return full.error().with("the " + std::string(driver ? "driver " : "checker ") +
                             kind.info.name + " does not take its options");
}

Result<PluginConfig> HostCore::configure_leniently(const LoadedKind& kind,
                                                   std::string_view options) const {
    auto config = configure(kind, options);
    return config ? std::move(config) : PluginConfig::parse(options);
}

Result<Instance*> HostCore::create(const LoadedKind& kind, const PluginConfig& config) {
    auto made = make(kind, config);
    if (!made) return made.error().with("cannot set up " + kind.info.name);
    return made;
}

Result<void> HostCore::try_out(const LoadedKind& kind, const PluginConfig& config) {
    const auto made = make(kind, config);
    if (!made) return made.error();
    destroy(**made, kind);
    return {};
}

Result<void> HostCore::try_spawn(const LoadedKind& kind, const PluginConfig& options,
                                 const platform::ProcessLimits& limits) {
    const auto none = PluginConfig::parse({});
    const auto made = none ? make(kind, *none) : none.error();
    if (!made) return {};  // Its spawns will say why.
    const auto tried = ask_whether(*this, **made, kind, options, limits);
    destroy(**made, kind);
    return tried;
}

Result<Instance*> HostCore::make(const LoadedKind& kind, const PluginConfig& config) {
    Instance& made = take_instance(kind);
    if (kind.remote != nullptr) {
        made.self = kind.remote->create(made, kind, config_text(config.get()));
        return &made;
    }
    keep_secret(made, kind.info.config_schema, config_text(config.get()));
    const auto create =
        kind.info.type == KindType::driver ? kind.driver.create : kind.checker.create;
    const auto created =
        call(made, "create", [&] { return create(&made.host, config.get(), &made.self); });
    if (created) return &made;
    retire(made);
    return created.error();
}

void HostCore::destroy(Instance& instance, const LoadedKind& kind) {
    const auto destroy =
        kind.info.type == KindType::driver ? kind.driver.destroy : kind.checker.destroy;
    const auto destroyed = call(instance, "destroy", [&] {
        destroy(instance.self);
        return sysp_status{SYSP_OK};
    });
    if (!destroyed) log::warn("plugin " + *instance.label + ": " + destroyed.error().message);
    retire(instance);
}

Result<void> HostCore::guarded(Instance& instance, const char* function,
                               const std::function<sysp_status()>& slot) {
    if (!on_loop_thread()) loop_thread_ = std::this_thread::get_id();
    Instance* const outer = std::exchange(in_call_, &instance);
    instance.last_error.reset();
    const Instant began = clock_->now().mono;
    sysp_status status = SYSP_E_INTERNAL;
    try {
        const LoopCall mark(calls_, instance.number, function);
        status = slot();
    } catch (const std::exception& thrown) {
        instance.last_error = Error{
            ErrorCode::internal, shown(instance, std::string("the plugin threw ") + thrown.what())};
    } catch (...) {
        instance.last_error = Error{ErrorCode::internal, "the plugin threw an exception"};
    }
    in_call_ = outer;
    call_ended(instance, function, clock_->now().mono - began);
    if (status == SYSP_OK) return {};
    if (instance.last_error) return *std::exchange(instance.last_error, std::nullopt);
    return Error{code_of(status), std::string(describe(status))};
}

void HostCore::call_ended(Instance& instance, const char* function, Duration took) {
    const bool threw =
        instance.last_error && instance.last_error->message.starts_with("the plugin threw");
    if (!threw && took < slow_call) return;
    {
        const std::lock_guard lock(mutex_);
        if (threw) ++blame().thrown;
        if (took >= slow_call) ++blame().slow_calls;
    }
    const std::string where = "plugin " + *instance.label + ": " + function + " ";
    if (threw) log::error(where + "let a C++ exception escape");
    if (took < slow_call) return;
    // On a busy machine there are dozens, and one tells as much.
    const auto more = due(*instance.label + " slow calls", slow_call_silence, 1);
    if (more) log::warn(where + "held the manager for " + format_duration(took) + *more);
}

// Nothing where so many lines were told that they use up the time, of which each takes its part;
// else how many were passed over since the last one.
std::optional<std::string> HostCore::due(const std::string& about, Duration each, int at_once) {
    const Instant now = clock_->now().mono;
    const std::lock_guard lock(mutex_);
    Repeated& one = repeated_[about];
    if (one.paid_until > now + each * (at_once - 1)) {
        ++one.untold;
        return std::nullopt;
    }
    one.paid_until = std::max(one.paid_until, now) + each;
    const std::uint64_t passed_over = std::exchange(one.untold, 0);
    return passed_over == 0 ? "" : ", and " + std::to_string(passed_over) + " more like it before";
}

void HostCore::complain(const Instance& instance, const std::string& fault,
                        const std::string& text) {
    constexpr int at_once = 5;
    const auto more = due(*instance.label + ' ' + fault, std::chrono::seconds{1}, at_once);
    if (more) log::warn(text + *more);
}

sysp_op HostCore::begin(OpType type, const Instance& instance, CompletionSink* sink, sysp_proc proc,
                        std::uint64_t user) {
    const std::lock_guard lock(mutex_);
    return table_.begin(type, &instance, sink, proc, user);
}

bool HostCore::waiting(sysp_op op) {
    const std::lock_guard lock(mutex_);
    return table_.waiting(op);
}

bool HostCore::give_up(sysp_op op) {
    const std::lock_guard lock(mutex_);
    return table_.give_up(op);
}

bool HostCore::owed(sysp_op op) {
    const std::lock_guard lock(mutex_);
    return table_.owed(op);
}

void HostCore::settle(sysp_op op, std::optional<Error> error) {
    const Instant at = clock_->now().mono;
    const std::lock_guard lock(mutex_);
    table_.settle(op, std::move(error), at);
    wake();
}

void HostCore::refused(const Instance& instance, sysp_op op, Error error) {
    if (waiting(op)) return settle(op, std::move(error));
    complain(instance, "refused",
             "plugin " + *instance.label +
                 ": refused an operation that it had completed: " + error.message);
    const std::lock_guard lock(mutex_);
    ++blame().rejected;
    for (Completion& answer : table_.inbox()) {
        const bool is_check = answer.what == Completion::What::operation &&
                              answer.type == OpType::check && answer.op == op;
        if (is_check && !answer.error)
            answer.error = error.with("the plugin completed the check, and refused it");
    }
}

void HostCore::count_unanswered() {
    const std::lock_guard lock(mutex_);
    ++blame().unanswered;
}

void HostCore::count_rejected() {
    const std::lock_guard lock(mutex_);
    ++blame().rejected;
}

sysp_proc HostCore::add_process(const Instance& instance, CompletionSink* sink, RunId run) {
    const std::lock_guard lock(mutex_);
    return table_.add_process(&instance, sink, run);
}

void HostCore::remove_process(sysp_proc proc) {
    const std::lock_guard lock(mutex_);
    table_.remove_process(proc);
}

bool HostCore::has_exited(sysp_proc proc) {
    const std::lock_guard lock(mutex_);
    return table_.has_exited(proc);
}

bool HostCore::mark_exited(sysp_proc proc) {
    const std::lock_guard lock(mutex_);
    return table_.mark_exited(proc);
}

bool HostCore::owns_pid(std::int64_t pid) {
    const std::lock_guard lock(mutex_);
    return table_.owns_pid(pid);
}

Misbehaviour HostCore::misbehaviour() {
    const std::lock_guard lock(mutex_);
    return table_.counters();
}

sysp_status HostCore::complete(const Instance& instance, sysp_op op, OpType type,
                               Completion answer) {
    sysp_status status = SYSP_E_STALE;
    {
        const std::lock_guard lock(mutex_);
        // What comes after destroy is harmless and no fault.
        if (closed_ || !instance.open) return SYSP_E_STALE;
        answer.at = clock_->now().mono;
        const Misbehaviour before = table_.counters();
        status = table_.complete(&instance, op, type, std::move(answer));
        wake();
        if (table_.counters() == before) return status;
        blame();
        if (status == SYSP_OK) return status;
    }
    const bool stale = status == SYSP_E_STALE;
    complain(instance, stale ? "stale" : "wrong",
             "plugin " + *instance.label +
                 (stale ? ": completed an operation that nobody waits for"
                        : ": completed an operation with the wrong function"));
    return status;
}

sysp_status HostCore::process_exited(const Instance& instance, sysp_proc proc,
                                     const ExitStatus& status) {
    const std::lock_guard lock(mutex_);
    if (closed_ || !instance.open) return SYSP_E_STALE;
    const sysp_status answer = table_.process_exited(&instance, proc, status, clock_->now().mono);
    wake();
    if (answer != SYSP_OK) blame();
    return answer;
}

// The counters, of which one is about to go up or just did; `mutex_` is held.
Misbehaviour& HostCore::blame() {
    if (tell_ && !closed_ && !telling_posted_) {
        telling_posted_ = true;
        loop_->post([core = shared_from_this()] {
            {
                const std::lock_guard lock(core->mutex_);
                core->telling_posted_ = false;
                if (core->closed_) return;
            }
            core->tell_();
        });
    }
    return table_.counters();
}

// One task for all that gathers until it runs.
void HostCore::wake() {
    if (draining_posted_ || table_.inbox().empty()) return;
    draining_posted_ = true;
    loop_->post([core = shared_from_this()] { core->drain(); });
}

void HostCore::drain() {
    std::vector<Completion> batch;
    {
        const std::lock_guard lock(mutex_);
        draining_posted_ = false;
        if (closed_) return;
        batch.swap(table_.inbox());
    }
    for (Completion& completion : batch) {
        if (completion.sink != nullptr) completion.sink->completed(completion);
    }
}

sysp_status HostCore::post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return SYSP_E_STALE;
    loop_->post(std::move(task));
    return SYSP_OK;
}

sysp_status HostCore::run_on_worker(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return SYSP_E_STALE;
    return workers_->run(std::move(task)) ? SYSP_OK : SYSP_E_BUSY;
}

std::optional<Instant> HostCore::now() {
    const std::lock_guard lock(mutex_);
    if (closed_) return std::nullopt;
    return clock_->now().mono;
}

bool HostCore::on_loop_thread() const {
    return loop_thread_ == std::this_thread::get_id();
}

}  // namespace syspulse::plugin_host
