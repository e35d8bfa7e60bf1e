// A fresh process takes over from the one that runs.
#include <algorithm>
#include <utility>

#include "plugin_host/isolation/remote_plugin.hpp"

namespace syspulse::plugin_host {
namespace {

// What the old process may take for the checks that it has under way.
constexpr Duration retirement = std::chrono::seconds{10};

}  // namespace

void RemotePlugin::reload(bool force, std::function<void(Result<void>)> done) {
    const auto later = [this](std::function<void(Result<void>)> tell, Result<void> result) {
        core_.loop().post([tell = std::move(tell), result = std::move(result)] { tell(result); });
    };
    if (reloading_ || retiring_) {
        return later(std::move(done),
                     Error{ErrorCode::invalid_state, "the plugin is being reloaded already"});
    }
    auto opened = connect();
    if (!opened) {
        return later(std::move(done), opened.error().with("cannot reload " + setup_.file.string()));
    }
    next_ = std::move(*opened);
    reload_forced_ = force;
    refusal_.reset();
    reloading_ = std::move(done);
    if (restart_timer_ != 0) core_.loop().cancel_timer(std::exchange(restart_timer_, 0));
    next_->ask_for_life();
}

// From the moment the new process is good until the old one has nothing under way but checks,
// nothing new is sent.
bool RemotePlugin::handing_over() const {
    return current_ && next_ && next_->ready() && !next_->doomed();
}

void RemotePlugin::advance_reload() {
    const auto outstanding = [this](const HostConnection* host, bool checks) {
        return std::any_of(operations_.begin(), operations_.end(), [&](const auto& entry) {
            return entry.second.sent_to == host && (checks || entry.second.type != OpType::check);
        });
    };
    if (next_ && next_->ready() && !next_->doomed()) {
        if (current_ && outstanding(current_.get(), false)) return;
        if (restart_timer_ != 0) core_.loop().cancel_timer(std::exchange(restart_timer_, 0));
        for (auto& [proc, process] : processes_) process.inherited = true;
        retiring_ = std::move(current_);
        current_ = std::move(next_);
        const bool other_file = running_stamp_ != file_stamp_;
        running_stamp_ = file_stamp_;
        started_ = core_.clock().now().mono;
        failures_ = 0;
        came_up_ = true;
        status_.state = HostStatus::State::running;
        const auto successor = std::exchange(successor_, std::nullopt);
        if (setup_.started && successor) setup_.started(*successor, {true, other_file});
        populate();
        pardon();
        if (retiring_ && retire_timer_ == 0) {
            retire_timer_ = core_.loop().start_timer(started_ + retirement, [this] {
                retire_timer_ = 0;
                if (retiring_) retiring_->kill({ErrorCode::unavailable, "it was replaced"});
            });
        }
    }
    if (!reloading_ || next_) return;
    const bool recovering = std::any_of(processes_.begin(), processes_.end(),
                                        [](const auto& entry) { return entry.second.recovering; });
    if (recovering || (retiring_ && outstanding(retiring_.get(), true))) return;
    finish_reload({});
}

void RemotePlugin::finish_reload(const Result<void>& result) {
    // The old process forgets its daemons, which live on.
    if (retiring_) retiring_->say_goodbye();
    const auto done = std::exchange(reloading_, nullptr);
    if (!result) {
        if (current_) {
            flush();
        } else if (status_.state == HostStatus::State::waiting) {
            schedule_restart(result.error());
        }
    }
    if (!done) return;
    const Result<void> told =
        result ? result : result.error().with("cannot reload " + setup_.file.string());
    core_.loop().post([done, told] { done(told); });
}

}  // namespace syspulse::plugin_host
