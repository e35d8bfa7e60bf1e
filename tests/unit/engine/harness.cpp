#include "harness.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::engine::test {
namespace {

SpecPtr shared(model::DaemonSpec spec) {
    return std::make_shared<const model::DaemonSpec>(std::move(spec));
}

}  // namespace

model::DaemonSpec make_spec(const std::string& name) {
    model::DaemonSpec spec;
    spec.name = name;
    spec.command = {"/bin/" + name};
    spec.restart.backoff_base = seconds{1};
    return spec;
}

model::DaemonSpec with_check(model::DaemonSpec spec) {
    model::HealthCheckSpec check;
    check.checker.type = "scripted";
    check.interval = seconds{10};
    check.timeout = seconds{2};
    spec.health_check = check;
    return spec;
}

model::DaemonSpec with_policy(model::DaemonSpec spec, model::RestartPolicy::Kind kind) {
    spec.restart.kind = kind;
    return spec;
}

model::DaemonSpec with_schedule(model::DaemonSpec spec, const std::string& cron,
                                model::ScheduleSpec::Overlap overlap,
                                model::ScheduleSpec::CatchUp catch_up) {
    auto compiled = model::Schedule::parse(cron, "UTC");
    EXPECT_TRUE(compiled.has_value()) << cron;
    spec.schedule = model::ScheduleSpec{cron, "UTC", overlap, catch_up, std::move(*compiled)};
    return spec;
}

model::DaemonSpec needing(model::DaemonSpec spec, std::vector<std::string> names) {
    spec.depends_on = std::move(names);
    return spec;
}

model::StoredInstance stored(State state, model::Target target, bool live) {
    model::StoredInstance s;
    s.state = state;
    s.target = target;
    s.run = RunId{17};
    s.run_live = live;
    s.pid = live ? 4711 : 0;
    s.token = live ? "token" : "";
    s.started_at = from_unix_ms(1'750'000'000'000) - minutes{10};
    return s;
}

DaemonKey Engine::add(model::DaemonSpec spec) {
    const DaemonKey key{++last_key_};
    handle(DaemonAdded{key, shared(std::move(spec)), std::nullopt, false});
    return key;
}

DaemonKey Engine::load(model::DaemonSpec spec, const model::StoredInstance& stored, bool rebooted) {
    const DaemonKey key{++last_key_};
    if (stored.run_live) live_[key] = stored.run;
    handle(DaemonAdded{key, shared(std::move(spec)), stored, rebooted});
    return key;
}

void Engine::change(DaemonKey daemon, model::DaemonSpec spec) {
    handle(SpecChanged{daemon, shared(std::move(spec))});
}

RequestId Engine::start(DaemonKey daemon, bool wait, std::optional<Duration> timeout) {
    const RequestId request = next_request();
    handle(StartRequested{daemon, request, wait, timeout});
    return request;
}

RequestId Engine::stop(DaemonKey daemon, bool force, std::optional<Duration> timeout) {
    const RequestId request = next_request();
    handle(StopRequested{daemon, request, force, timeout});
    return request;
}

RequestId Engine::restart(DaemonKey daemon, bool force, bool wait,
                          std::optional<Duration> timeout) {
    const RequestId request = next_request();
    handle(RestartRequested{daemon, request, force, wait, timeout});
    return request;
}

RequestId Engine::remove(DaemonKey daemon, bool force) {
    const RequestId request = next_request();
    handle(RemoveRequested{daemon, request, force});
    return request;
}

void Engine::spawned(DaemonKey daemon) {
    handle(Spawned{daemon, run(daemon), ++last_pid_, "token-" + std::to_string(last_pid_), false});
}

void Engine::spawn_failed(DaemonKey daemon, const std::string& why) {
    handle(SpawnFailed{daemon, run(daemon), Error{ErrorCode::not_found, why}});
}

void Engine::spawn_in_doubt(DaemonKey daemon) {
    handle(SpawnFailed{daemon, run(daemon), Error{ErrorCode::internal, "not killed"}, true});
}

void Engine::gone(DaemonKey daemon, bool never_ran) {
    handle(
        RecoverFailed{daemon, run(daemon), true, Error{ErrorCode::not_found, "gone"}, never_ran});
}

void Engine::out_of_reach(DaemonKey daemon, const std::string& why) {
    handle(RecoverFailed{daemon, run(daemon), false, Error{ErrorCode::unavailable, why}});
}

void Engine::exited(DaemonKey daemon, ExitStatus status) {
    handle(Exited{daemon, run(daemon), status});
}

void Engine::checked(DaemonKey daemon, bool passed, const std::string& message) {
    ASSERT_TRUE(checks_.contains(daemon)) << "no check was started";
    checking_.erase(checks_.at(daemon));
    handle(Checked{daemon, checks_.at(daemon), passed, message, milliseconds{5}});
}

void Engine::next_check(DaemonKey daemon, bool passed) {
    const std::size_t most = 1000;
    for (std::size_t i = 0; !checks_.contains(daemon) || !checking_.contains(checks_.at(daemon));
         ++i) {
        const auto due = until_deadline();
        ASSERT_TRUE(due.has_value() && i < most) << "no check will come";
        advance(*due);
    }
    checked(daemon, passed, passed ? "ok" : "connection refused");
}

void Engine::fail_until_unhealthy(DaemonKey daemon) {
    const std::size_t most = 100;
    for (std::size_t i = 0; i < most; ++i) {
        if (state(daemon) != State::running || health(daemon) == Health::unhealthy) return;
        next_check(daemon, false);
    }
    FAIL() << "it does not become unhealthy";
}

void Engine::up(DaemonKey daemon) {
    start(daemon);
    spawned(daemon);
    ASSERT_EQ(state(daemon), State::running);
}

void Engine::healthy(DaemonKey daemon) {
    up(daemon);
    advance(seconds{0});
    checked(daemon, true);
    ASSERT_EQ(health(daemon), Health::healthy);
}

void Engine::advance(Duration by) {
    const auto pass_to = [this](Instant when) {
        // Whole milliseconds of the calendar pass with the monotonic clock.
        const auto whole = [](Instant at) {
            return std::chrono::floor<milliseconds>(at.time_since_epoch());
        };
        now_.wall += whole(when) - whole(now_.mono);
        now_.mono = when;
    };
    const Instant end = now_.mono + by;
    std::size_t wakes = 0;
    for (auto due = supervisor_.next_deadline(); due && *due <= end;
         due = supervisor_.next_deadline()) {
        ASSERT_LT(++wakes, 100'000U) << "the engine asks to be woken again and again";
        pass_to(std::max(*due, now_.mono));
        handle(TimeAdvanced{});
    }
    pass_to(end);
}

void Engine::set_wall(WallTime wall) {
    now_.wall = wall;
    handle(WallClockChanged{});
}

void Engine::handle(const Event& event) {
    std::vector<Action> fresh;
    supervisor_.handle(event, now_, fresh);
    for (const Action& action : fresh) check(action);
    actions_.insert(actions_.end(), fresh.begin(), fresh.end());
}

void Engine::check(const Action& action) {
    if (const auto* spawn = std::get_if<SpawnRun>(&action)) {
        ++spawns_;
        EXPECT_FALSE(live_.contains(spawn->daemon)) << "a second run while one lives";
        live_[spawn->daemon] = spawn->run;
    } else if (const auto* release = std::get_if<ReleaseRun>(&action)) {
        EXPECT_EQ(live_[release->daemon], release->run) << "a run that does not live is released";
        live_.erase(release->daemon);
    } else if (const auto* started = std::get_if<StartCheck>(&action)) {
        EXPECT_FALSE(checks_.contains(started->daemon) &&
                     checks_[started->daemon] == started->check)
            << "a check id is used twice";
        checks_[started->daemon] = started->check;
        checking_.insert(started->check);
    } else if (const auto* cancel = std::get_if<CancelCheck>(&action)) {
        EXPECT_EQ(checking_.erase(cancel->check), 1U) << "a check that is over is cancelled";
    } else if (const auto* reply = std::get_if<Reply>(&action)) {
        EXPECT_TRUE(reply->request) << "an answer to nobody";
        EXPECT_TRUE(answers_.emplace(reply->request, reply->error).second)
            << "request " << reply->request.value << " is answered twice";
    }
}

model::DaemonView Engine::view(DaemonKey daemon) {
    model::DaemonView view;
    supervisor_.describe(daemon, now_, view);
    return view;
}

std::optional<Duration> Engine::until_deadline() {
    const auto due = supervisor_.next_deadline();
    if (!due) return std::nullopt;
    return *due - now_.mono;
}

std::optional<ErrorCode> Engine::refusal(RequestId request) const {
    if (!answered(request) || done(request)) return std::nullopt;
    return answers_.at(request)->code;
}

std::string Engine::refusal_text(RequestId request) const {
    return refusal(request) ? answers_.at(request)->message : "";
}

std::vector<std::string> Engine::signals(RunId run) const {
    std::vector<std::string> sent;
    for (const Action& action : actions_) {
        if (const auto* signal = std::get_if<SignalRun>(&action)) {
            if (signal->run == run) sent.push_back(std::to_string(signal->signal));
        } else if (const auto* kill = std::get_if<KillRun>(&action)) {
            if (kill->run == run) sent.emplace_back("kill");
        }
    }
    return sent;
}

}  // namespace syspulse::engine::test
