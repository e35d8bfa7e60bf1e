// The health checks of a running daemon.
#include "engine/daemon_machine.hpp"

namespace syspulse::engine {
namespace {

// The checker honours the timeout itself; this much later it is given up as silent.
constexpr Duration checker_grace = std::chrono::seconds{1};

}  // namespace

using model::Health;
using model::State;

Health DaemonMachine::health() const {
    if (!spec_->health_check) return Health::not_configured;
    // While a run is looked for, what the last manager knew of it stands.
    const bool known = state_ == State::running || phase_ == Phase::recovering;
    return known ? health_->health() : Health::unknown;
}

void DaemonMachine::begin_checks(bool recovered) {
    const Health known = health_->health();
    last_check_.reset();
    health_->reset(*spec_->health_check, surroundings_.now().mono);
    if (recovered) health_->assume(known);
    // Who joined the start while the run was looked for hears of no further change.
    if (recovered && known == Health::healthy && hold_ == Hold::none)
        surroundings_.reached(key_, {Milestone::Kind::ready, std::nullopt});
    if (hold_ == Hold::none) arm(TimerKind::check_due, health_->next_due());
}

// The spec of a running daemon was replaced. Nobody will answer a check of the old one any more.
void DaemonMachine::follow_new_check(bool same_check) {
    if (state_ != State::running) return;
    end_checks();
    if (!spec_->health_check) {
        surroundings_.reached(key_, {Milestone::Kind::ready, std::nullopt});
    } else if (same_check) {
        if (hold_ == Hold::none) arm(TimerKind::check_due, health_->next_due());
    } else {
        begin_checks(false);
    }
    surroundings_.touched(key_);
}

void DaemonMachine::end_checks() {
    cancel(TimerKind::check_due);
    cancel(TimerKind::check_deadline);
    if (check_) surroundings_.emit(CancelCheck{check_});
    check_ = {};
}

void DaemonMachine::start_check() {
    if (state_ != State::running || !spec_->health_check) return;
    const Instant now = surroundings_.now().mono;
    check_ = surroundings_.next_check();
    health_->started(now);
    surroundings_.emit(StartCheck{key_, check_});
    arm(TimerKind::check_deadline, now + spec_->health_check->timeout + checker_grace);
}

void DaemonMachine::checked(const Checked& event) {
    if (!check_ || event.check != check_ || state_ != State::running) return;
    const auto verdict = event.conclusive ? std::optional(event.passed) : std::nullopt;
    check_ended(verdict, event.message, event.latency, event.metrics);
}

void DaemonMachine::check_ended(std::optional<bool> verdict, std::string message, Duration latency,
                                std::vector<model::Metric> metrics) {
    cancel(TimerKind::check_deadline);
    check_ = {};
    const Now now = surroundings_.now();
    const Health before = health_->health();
    const bool passed = verdict.value_or(false);
    const bool news =
        !last_check_ || last_check_->passed != passed || last_check_->message != message;
    const auto changed = health_->ended(*spec_->health_check, verdict, now.mono);
    last_check_ = model::CheckView{.at = now.wall,
                                   .passed = passed,
                                   .missed = !verdict,
                                   .message = std::move(message),
                                   .latency = latency,
                                   .consecutive_failures = health_->consecutive_failures(),
                                   .metrics = std::move(metrics)};
    const std::string_view word = !verdict ? "missed" : passed ? "passed" : "failed";
    if (news) note("check", "", std::string(word), last_check_->message);
    arm(TimerKind::check_due, health_->next_due());
    if (!changed) return;
    note("health", std::string(to_string(before)), std::string(to_string(*changed)),
         last_check_->message);
    persist();
    surroundings_.touched(key_);
    if (*changed == Health::healthy) {
        surroundings_.reached(key_, {Milestone::Kind::ready, std::nullopt});
        return;
    }
    surroundings_.reached(
        key_, {Milestone::Kind::unhealthy,
               Error{ErrorCode::internal,
                     "\"" + spec_->name + "\" became unhealthy: " + last_check_->message}});
    if (spec_->health_check->on_unhealthy == model::HealthCheckSpec::OnUnhealthy::restart) {
        begin_stop(StopCause::unhealthy, false, std::nullopt, false);
    }
}

}  // namespace syspulse::engine
