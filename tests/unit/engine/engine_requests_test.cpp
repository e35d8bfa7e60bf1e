// Requests: what each is told in which state and when, removal, and shutdown.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;

// Brings a fresh daemon into the state; `scheduled` needs a schedule, which the others must not
// have.
DaemonKey in_state(Engine& e, State state) {
    model::DaemonSpec spec = make_spec("web");
    if (state == State::scheduled) spec = with_schedule(spec, "@every 1h");
    if (state == State::backoff) spec = with_policy(spec, Kind::always);
    const DaemonKey key = e.add(spec);
    if (state == State::stopped || state == State::scheduled) return key;
    e.handle(StartRequested{key, RequestId{}, false, std::nullopt});
    if (state == State::starting) return key;
    e.spawned(key);
    if (state == State::running) return key;
    if (state == State::stopping) {
        e.handle(StopRequested{key, RequestId{}, false, std::nullopt});
    } else {
        e.exited(key, ExitStatus::exited(1));
    }
    return key;
}

constexpr State every_state[] = {State::stopped, State::starting, State::running,  State::stopping,
                                 State::backoff, State::failed,   State::scheduled};

bool refuses(Engine& e, RequestId request) {
    return e.refusal(request) == ErrorCode::invalid_state;
}

TEST(Requests, in_state_reaches_every_state) {
    for (const State state : every_state) {
        Engine e;
        EXPECT_EQ(e.state(in_state(e, state)), state);
    }
}

TEST(Requests, start_is_refused_while_starting_running_or_stopping) {
    for (const State state : every_state) {
        Engine e;
        const DaemonKey key = in_state(e, state);
        const bool busy =
            state == State::starting || state == State::running || state == State::stopping;
        const RequestId request = e.start(key);
        EXPECT_EQ(refuses(e, request), busy) << to_string(state);
        EXPECT_EQ(e.state(key), busy ? state : State::starting);
    }
}

TEST(Requests, stop_is_refused_when_nothing_runs_or_is_planned) {
    for (const State state : every_state) {
        Engine e;
        const DaemonKey key = in_state(e, state);
        const bool idle = state == State::stopped || state == State::failed;
        EXPECT_EQ(refuses(e, e.stop(key)), idle) << to_string(state);
    }
}

TEST(Requests, restart_is_accepted_in_every_state) {
    for (const State state : every_state) {
        Engine e;
        const DaemonKey key = in_state(e, state);
        const RequestId request = e.restart(key);
        EXPECT_FALSE(refuses(e, request)) << to_string(state);
        if (e.machine(key).run_live() && e.state(key) == State::stopping) e.exited(key);
        ASSERT_EQ(e.state(key), State::starting) << to_string(state);
        e.spawned(key);
        EXPECT_TRUE(e.done(request)) << to_string(state);
    }
}

TEST(Requests, remove_is_refused_while_active_unless_forced) {
    for (const State state : every_state) {
        for (const bool force : {false, true}) {
            Engine e;
            const DaemonKey key = in_state(e, state);
            const bool active = e.machine(key).is_active();
            const RequestId request = e.remove(key, force);
            if (active && !force) {
                EXPECT_TRUE(refuses(e, request)) << to_string(state);
                EXPECT_EQ(e.state(key), state);
                continue;
            }
            if (e.known(key)) e.exited(key);
            EXPECT_TRUE(e.done(request)) << to_string(state);
            EXPECT_FALSE(e.known(key));
            EXPECT_EQ(e.count<ForgetDaemon>(), 1U);
        }
    }
}

TEST(Requests, an_unknown_daemon_is_not_found) {
    Engine e;
    const DaemonKey nobody{42};
    EXPECT_EQ(e.refusal(e.start(nobody)), ErrorCode::not_found);
    EXPECT_EQ(e.refusal(e.stop(nobody)), ErrorCode::not_found);
    EXPECT_EQ(e.refusal(e.restart(nobody)), ErrorCode::not_found);
    EXPECT_EQ(e.refusal(e.remove(nobody)), ErrorCode::not_found);
}

TEST(Requests, nobody_who_asked_gets_no_answer) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.handle(StartRequested{key, RequestId{}, true, seconds{1}});
    e.handle(StartRequested{key, RequestId{}, false, std::nullopt});
    e.spawned(key);
    e.advance(seconds{5});
    EXPECT_EQ(e.count<Reply>(), 0U);
}

TEST(Requests, start_answers_when_the_process_lives) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    const RequestId request = e.start(key);
    EXPECT_FALSE(e.answered(request));
    e.spawned(key);
    EXPECT_TRUE(e.done(request));
}

TEST(Requests, start_wait_answers_when_the_start_failed_for_good) {
    Engine e;
    model::DaemonSpec spec = with_policy(with_check(make_spec("web")), Kind::on_failure);
    spec.restart.max_retries = 0;
    const DaemonKey key = e.add(spec);
    const RequestId request = e.start(key, true);
    e.spawned(key);
    e.exited(key, ExitStatus::exited(7));
    EXPECT_EQ(e.refusal(request), ErrorCode::internal);
    EXPECT_NE(e.refusal_text(request).find("exit code 7"), std::string::npos);
}

TEST(Requests, start_wait_does_not_wait_for_a_binary_that_is_missing) {
    Engine e;
    const DaemonKey web =
        e.add(with_check(with_policy(make_spec("web"), model::RestartPolicy::Kind::always)));
    const RequestId request = e.start(web, true);
    e.spawn_failed(web, "no such file");
    EXPECT_NE(e.refusal_text(request).find("no such file"), std::string::npos);
    EXPECT_EQ(e.state(web), State::backoff);
}

TEST(Requests, start_wait_answers_at_its_timeout_and_the_start_goes_on) {
    Engine e;
    const DaemonKey key = e.add(with_check(make_spec("web")));
    const RequestId request = e.start(key, true, milliseconds{2500});
    e.spawned(key);
    e.advance(milliseconds{2499});
    EXPECT_FALSE(e.answered(request));
    e.advance(milliseconds{1});
    EXPECT_EQ(e.refusal(request), ErrorCode::timed_out);
    EXPECT_EQ(e.state(key), State::running);
    e.checked(key, true);
    EXPECT_EQ(e.health(key), Health::healthy);
}

TEST(Requests, a_timeout_that_is_not_needed_wakes_nobody) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.start(key, true, seconds{5});
    e.spawned(key);
    EXPECT_EQ(e.until_deadline(), std::nullopt);
}

TEST(Requests, several_who_wait_are_each_answered_once) {
    Engine e;
    const DaemonKey key = e.add(with_check(make_spec("web")));
    const RequestId first = e.start(key, true);
    const RequestId second = e.restart(key, false, true);
    const RequestId third = e.restart(key, true, true);
    e.spawned(key);
    e.exited(key);
    e.spawned(key);
    e.advance(seconds{0});
    e.checked(key, true);
    for (const RequestId request : {first, second, third}) EXPECT_TRUE(e.done(request));
}

TEST(Requests, a_restart_takes_over_from_a_stop) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.up(key);
    const RequestId stop = e.stop(key);
    const RequestId restart = e.restart(key);
    EXPECT_EQ(e.refusal(stop), ErrorCode::cancelled);
    e.exited(key);
    e.spawned(key);
    EXPECT_TRUE(e.done(restart));
}

TEST(Requests, a_stop_takes_over_from_a_restart) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.up(key);
    const RequestId restart = e.restart(key);
    const RequestId stop = e.stop(key);
    EXPECT_EQ(e.refusal(restart), ErrorCode::cancelled);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::stopped);
    EXPECT_TRUE(e.done(stop));
}

TEST(Requests, a_daemon_that_is_being_removed_cannot_be_restarted_or_started) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.up(key);
    const RequestId remove = e.remove(key, true);
    EXPECT_TRUE(refuses(e, e.restart(key)));
    EXPECT_TRUE(refuses(e, e.start(key)));
    const RequestId stop = e.stop(key, true);
    e.exited(key, ExitStatus::signalled(9));
    EXPECT_TRUE(e.done(remove));
    EXPECT_TRUE(e.done(stop));
}

TEST(Requests, removal_of_an_undying_daemon_is_answered_and_keeps_it) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.up(key);
    const RequestId remove = e.remove(key, true);
    e.advance(seconds{40});
    EXPECT_EQ(e.refusal(remove), ErrorCode::timed_out);
    e.exited(key, ExitStatus::signalled(9));
    EXPECT_EQ(e.state(key), State::stopped);
}

TEST(Requests, a_dependent_added_during_the_removal_prevents_it) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    e.up(db);
    const RequestId remove = e.remove(db, true);
    e.add(needing(make_spec("web"), {"db"}));
    e.exited(db);
    EXPECT_EQ(e.refusal(remove), ErrorCode::invalid_state);
    EXPECT_TRUE(e.known(db));
}

TEST(Requests, shutdown_answers_who_waits_and_refuses_who_comes_later) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const RequestId waiting = e.start(web, true);
    e.spawned(web);
    e.shut_down();
    EXPECT_EQ(e.refusal(waiting), ErrorCode::cancelled);
    EXPECT_EQ(e.refusal(e.start(web)), ErrorCode::unavailable);
    EXPECT_EQ(e.refusal(e.restart(web)), ErrorCode::unavailable);
    EXPECT_EQ(e.refusal(e.remove(web, true)), ErrorCode::unavailable);
    const RequestId stop = e.stop(web, true);
    e.exited(web);
    EXPECT_TRUE(e.done(stop));
    EXPECT_EQ(e.count<Finish>(), 1U);
    EXPECT_TRUE(e.all_answered());
}

TEST(Requests, a_second_shutdown_may_force) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.shut_down();
    e.shut_down(false, true);
    EXPECT_EQ(e.signals(e.run(web)), (std::vector<std::string>{"15", "kill"}));
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_EQ(e.count<Finish>(), 1U);
}

TEST(Requests, shutdown_cancels_back_off_and_restarts) {
    Engine e;
    const DaemonKey waiting = e.add(with_policy(make_spec("a"), Kind::always));
    const DaemonKey restarting = e.add(make_spec("b"));
    e.up(waiting);
    e.exited(waiting);
    e.up(restarting);
    const RequestId restart = e.restart(restarting);
    e.shut_down();
    e.exited(restarting);
    EXPECT_EQ(e.refusal(restart), ErrorCode::cancelled);
    EXPECT_EQ(e.count<Finish>(), 1U);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(Requests, shutdown_keep_running_touches_no_daemon) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    const DaemonKey other = e.add(make_spec("other"));
    e.up(web);
    e.up(other);
    const RequestId stop = e.stop(other);
    e.forget_actions();
    e.shut_down(true);
    EXPECT_EQ(e.count<SignalRun>() + e.count<KillRun>(), 0U);
    EXPECT_EQ(e.count<Finish>(), 1U);
    EXPECT_EQ(e.refusal(stop), ErrorCode::cancelled);
    EXPECT_TRUE(e.machine(web).stored().run_live);
    EXPECT_EQ(e.machine(web).stored().target, model::Target::up);
}

TEST(Requests, a_restart_that_comes_to_wait_for_a_dependency_is_answered) {
    Engine e;
    const DaemonKey db = e.add(with_policy(make_spec("db"), Kind::always));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    e.up(db);
    e.up(web);
    const RequestId restart = e.restart(web);
    e.exited(db, ExitStatus::exited(1));
    EXPECT_EQ(e.state(db), State::backoff);
    EXPECT_FALSE(e.answered(restart));
    e.exited(web);
    EXPECT_EQ(e.machine(web).phase(), DaemonMachine::Phase::waiting_for_dependencies);
    EXPECT_TRUE(e.done(restart));
}

TEST(Requests, start_wait_hears_of_the_first_try_that_fails_however_it_fails) {
    Engine e;
    const DaemonKey web = e.add(with_check(with_policy(make_spec("web"), Kind::always)));
    e.up(web);
    e.exited(web, ExitStatus::exited(1));
    ASSERT_EQ(e.state(web), State::backoff);
    const RequestId start = e.start(web, true);
    e.spawned(web);
    EXPECT_FALSE(e.answered(start));
    e.exited(web, ExitStatus::exited(3));
    EXPECT_EQ(e.refusal(start), ErrorCode::internal);
    EXPECT_EQ(e.refusal_text(start), "\"web\" ended before it was ready: ended with exit code 3");
    EXPECT_EQ(e.state(web), State::backoff) << "the policy goes on";
}

TEST(Requests, a_restart_of_what_cannot_be_killed_is_told_so) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RequestId restart = e.restart(web, true);
    e.advance(seconds{10});
    EXPECT_EQ(e.refusal(restart), ErrorCode::timed_out);
    EXPECT_NE(e.refusal_text(restart).find("does not end"), std::string::npos);
}

}  // namespace
}  // namespace syspulse::engine::test
