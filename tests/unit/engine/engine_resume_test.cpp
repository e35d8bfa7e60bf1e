// What a new manager takes over from the last one.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;

TEST(Resume, what_was_wanted_runs_again_unless_told_otherwise) {
    for (const bool restore : {true, false}) {
        Engine e;
        const DaemonKey key = e.load(make_spec("web"), stored(State::stopped, model::Target::up));
        const DaemonKey down =
            e.load(make_spec("down"), stored(State::stopped, model::Target::down));
        const DaemonKey failed =
            e.load(make_spec("failed"), stored(State::failed, model::Target::down));
        e.manager_started(restore);
        EXPECT_EQ(e.state(key), restore ? State::starting : State::stopped);
        EXPECT_EQ(e.state(down), State::stopped);
        EXPECT_EQ(e.state(failed), State::failed);
    }
}

TEST(Resume, autostart_starts_whatever_was_before) {
    for (const State before : {State::stopped, State::failed}) {
        Engine e;
        model::DaemonSpec spec = make_spec("web");
        spec.autostart = true;
        const DaemonKey key = e.load(spec, stored(before, model::Target::down));
        e.manager_started(false);
        EXPECT_EQ(e.state(key), State::starting);
    }
}

TEST(Resume, a_back_off_of_the_last_manager_starts_at_once) {
    Engine e;
    const DaemonKey key = e.load(with_policy(make_spec("web"), Kind::always),
                                 stored(State::backoff, model::Target::up));
    e.manager_started();
    EXPECT_EQ(e.spawns(), 1U);
    EXPECT_EQ(e.state(key), State::starting);
}

TEST(Resume, a_live_run_is_looked_for_and_kept_with_its_age) {
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    EXPECT_DOUBLE_EQ(e.view(key).uptime_secs.value_or(0), 600.0)
        << "also before anybody has looked";
    e.manager_started();
    ASSERT_EQ(e.count<RecoverRun>(), 1U);
    EXPECT_EQ(e.all<RecoverRun>().front().token, "token");
    e.spawned(key);
    EXPECT_EQ(e.state(key), State::running);
    EXPECT_EQ(e.spawns(), 0U);
    EXPECT_DOUBLE_EQ(e.view(key).uptime_secs.value_or(0), 600.0);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::stopped);
}

TEST(Resume, a_run_that_is_gone_has_an_unknown_status_and_the_policy_decides) {
    const std::vector<std::pair<Kind, State>> cases{{Kind::never, State::failed},
                                                    {Kind::on_failure, State::backoff},
                                                    {Kind::always, State::backoff}};
    for (const auto& [kind, expected] : cases) {
        Engine e;
        const DaemonKey key = e.load(with_policy(make_spec("web"), kind),
                                     stored(State::running, model::Target::up, true));
        e.manager_started();
        e.gone(key);
        EXPECT_EQ(e.state(key), expected);
        EXPECT_NE(e.view(key).last_error.find("unknown"), std::string::npos);
        e.advance(minutes{1});
        EXPECT_EQ(e.spawns(), kind == Kind::never ? 0U : 1U);
    }
}

TEST(Resume, what_went_down_with_the_machine_runs_again) {
    Engine e;
    const DaemonKey key =
        e.load(make_spec("web"), stored(State::running, model::Target::up, true), true);
    e.manager_started();
    e.gone(key);
    EXPECT_EQ(e.state(key), State::starting);
    EXPECT_EQ(e.spawns(), 1U);
    const auto runs = e.all<PersistRun>();
    ASSERT_FALSE(runs.empty());
    EXPECT_EQ(runs.front().run.exit, ExitStatus::unknown());
}

TEST(Resume, a_run_that_never_had_a_process_has_no_exit_and_runs_again) {
    for (const bool had_process : {true, false}) {
        for (const bool never_ran : {true, false}) {
            Engine e;
            auto instance = stored(State::starting, model::Target::up, true);
            if (!had_process) {
                instance.pid = 0;
                instance.token.clear();
            }
            const DaemonKey key = e.load(make_spec("web"), instance);
            e.manager_started();
            e.gone(key, never_ran);
            const auto runs = e.all<PersistRun>();
            ASSERT_FALSE(runs.empty());
            EXPECT_EQ(runs.front().run.exit.has_value(), had_process || !never_ran);
            EXPECT_TRUE(runs.front().run.ended_at.has_value());
            EXPECT_EQ(e.spawns(), had_process ? 0U : 1U);
        }
    }
}

TEST(Resume, a_stop_of_the_last_manager_is_carried_on) {
    Engine e;
    const DaemonKey key =
        e.load(make_spec("web"), stored(State::stopping, model::Target::down, true));
    e.manager_started();
    e.spawned(key);
    EXPECT_EQ(e.state(key), State::stopping);
    EXPECT_EQ(e.signals(RunId{17}), std::vector<std::string>{"15"});
    e.exited(key);
    EXPECT_EQ(e.state(key), State::stopped);
}

TEST(Resume, a_stop_of_the_last_manager_that_has_succeeded_stays_a_stop) {
    for (const bool gone : {true, false}) {
        Engine e;
        const DaemonKey key = e.load(with_policy(make_spec("web"), Kind::always),
                                     stored(State::stopping, model::Target::down, true));
        e.manager_started();
        if (gone) {
            e.gone(key);
        } else {
            e.exited(key, ExitStatus::signalled(15));
        }
        EXPECT_EQ(e.state(key), State::stopped) << gone;
        e.advance(hours{1});
        EXPECT_EQ(e.spawns(), 0U);
    }
}

TEST(Resume, a_start_that_never_came_up_is_carried_out) {
    Engine e;
    model::StoredInstance starting = stored(State::starting, model::Target::up, true);
    starting.pid = 0;
    starting.token.clear();
    const DaemonKey key = e.load(make_spec("web"), starting);
    e.manager_started();
    e.gone(key);
    EXPECT_EQ(e.spawns(), 1U);
    EXPECT_EQ(e.state(key), State::starting);
}

TEST(Resume, a_stop_that_was_to_be_followed_by_a_start_is_carried_on) {
    for (const std::string how : {"found", "exited", "gone"}) {
        Engine e;
        const DaemonKey key =
            e.load(make_spec("web"), stored(State::stopping, model::Target::up, true));
        e.manager_started();
        if (how == "found") {
            e.spawned(key);
            EXPECT_EQ(e.state(key), State::stopping);
            EXPECT_EQ(e.signals(RunId{17}).front(), "15");
        }
        if (how == "gone") {
            e.gone(key);
        } else {
            e.exited(key, ExitStatus::signalled(15));
        }
        EXPECT_EQ(e.state(key), State::starting) << how;
        EXPECT_EQ(e.spawns(), 1U) << how;
    }
}

TEST(Resume, a_one_shot_that_did_its_work_is_not_needed_again_until_the_machine_restarts) {
    Engine before;
    const DaemonKey job = before.add(make_spec("job"));
    before.up(job);
    before.exited(job);
    const model::StoredInstance done = before.machine(job).stored();
    EXPECT_TRUE(done.completed);
    for (const bool rebooted : {false, true}) {
        Engine e;
        const DaemonKey kept = e.load(make_spec("job"), done, rebooted);
        const DaemonKey web = e.load(needing(make_spec("web"), {"job"}),
                                     stored(State::stopped, model::Target::up), rebooted);
        e.manager_started();
        EXPECT_EQ(e.state(kept), rebooted ? State::starting : State::stopped);
        EXPECT_EQ(e.spawns(), 1U);
        EXPECT_EQ(e.state(web), State::starting);
    }
}

TEST(Resume, what_was_stopped_by_hand_is_no_completed_one_shot) {
    Engine e;
    const DaemonKey job = e.add(make_spec("job"));
    e.up(job);
    e.stop(job);
    e.exited(job);
    EXPECT_FALSE(e.machine(job).stored().completed);
}

TEST(Resume, a_stop_while_the_run_is_looked_for_is_honoured) {
    for (const bool found : {true, false}) {
        Engine e;
        const DaemonKey key =
            e.load(make_spec("web"), stored(State::running, model::Target::up, true));
        e.manager_started();
        const RequestId stop = e.stop(key);
        if (found) {
            e.spawned(key);
            e.exited(key);
        } else {
            e.gone(key);
        }
        EXPECT_EQ(e.state(key), State::stopped);
        EXPECT_TRUE(e.done(stop));
    }
}

TEST(Resume, a_restored_daemon_waits_for_its_restored_dependency) {
    Engine e;
    const DaemonKey web =
        e.load(needing(make_spec("web"), {"db"}), stored(State::stopped, model::Target::up));
    const DaemonKey db = e.load(make_spec("db"), stored(State::stopped, model::Target::up));
    e.manager_started();
    EXPECT_EQ(e.spawns(), 1U);
    e.spawned(db);
    EXPECT_EQ(e.spawns(), 2U);
    e.spawned(web);
    EXPECT_EQ(e.state(web), State::running);
}

TEST(Resume, runs_of_a_new_manager_have_new_ids) {
    Supervisor supervisor{1, RunId{17}};
    std::vector<Action> actions;
    const auto spec = std::make_shared<const model::DaemonSpec>(make_spec("web"));
    supervisor.handle(DaemonAdded{DaemonKey{1}, spec, std::nullopt, false}, Now{}, actions);
    supervisor.handle(StartRequested{DaemonKey{1}, RequestId{1}, false, std::nullopt}, Now{},
                      actions);
    EXPECT_EQ(supervisor.find(DaemonKey{1})->run(), RunId{18});
}

TEST(Resume, a_back_off_goes_on_with_what_is_left_of_it) {
    Engine e;
    model::StoredInstance waiting = stored(State::backoff, model::Target::up);
    waiting.next_restart_at = e.now().wall + seconds{5};
    waiting.restart_count = 3;
    const DaemonKey key = e.load(with_policy(make_spec("web"), Kind::always), waiting);
    e.manager_started();
    EXPECT_EQ(e.state(key), State::backoff);
    EXPECT_EQ(e.view(key).next_restart_at, waiting.next_restart_at);
    e.advance(seconds{4});
    EXPECT_EQ(e.spawns(), 0U);
    e.advance(seconds{2});
    EXPECT_EQ(e.spawns(), 1U);
    EXPECT_EQ(e.view(key).restart_count, 4U);
}

TEST(Resume, a_back_off_is_not_longer_than_the_policy_allows_whatever_the_calendar_says) {
    Engine e;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::always);
    spec.restart.backoff_max = seconds{10};
    model::StoredInstance waiting = stored(State::backoff, model::Target::up);
    waiting.next_restart_at = e.now().wall + hours{5};
    e.load(spec, waiting);
    e.manager_started();
    e.advance(seconds{12});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Resume, health_stands_until_the_next_check) {
    for (const Health known : {Health::healthy, Health::unhealthy}) {
        Engine e;
        model::DaemonSpec spec = with_check(make_spec("web"));
        spec.health_check->on_unhealthy = model::HealthCheckSpec::OnUnhealthy::none;
        model::StoredInstance running = stored(State::running, model::Target::up, true);
        running.health = known;
        const DaemonKey key = e.load(spec, running);
        e.manager_started();
        EXPECT_EQ(e.health(key), known) << "while it is looked for";
        EXPECT_EQ(e.machine(key).stored().health, known);
        e.spawned(key);
        EXPECT_EQ(e.health(key), known);
        e.next_check(key, true);
        EXPECT_EQ(e.health(key), Health::healthy);
    }
}

TEST(Resume, the_next_run_of_a_daemon_begins_with_unknown_health) {
    Engine e;
    model::DaemonSpec spec = with_policy(with_check(make_spec("web")), Kind::always);
    model::StoredInstance running = stored(State::running, model::Target::up, true);
    running.health = Health::healthy;
    const DaemonKey key = e.load(spec, running);
    e.manager_started();
    e.gone(key);
    e.advance(minutes{1});
    e.spawned(key);
    EXPECT_EQ(e.health(key), Health::unknown);
}

TEST(Resume, a_stop_has_only_the_rest_of_its_patience_left) {
    Engine e;
    model::StoredInstance stopping = stored(State::stopping, model::Target::down, true);
    stopping.kill_at = e.now().wall + seconds{2};
    const DaemonKey key = e.load(make_spec("web"), stopping);
    e.manager_started();
    e.spawned(key);
    EXPECT_EQ(e.signals(RunId{17}), std::vector<std::string>{"15"});
    EXPECT_EQ(e.machine(key).stored().kill_at, stopping.kill_at);
    e.advance(seconds{3});
    EXPECT_EQ(e.signals(RunId{17}), (std::vector<std::string>{"15", "kill"}));
}

TEST(Resume, a_stop_keeps_the_time_that_it_was_granted) {
    Engine e;
    model::StoredInstance stopping = stored(State::stopping, model::Target::down, true);
    stopping.kill_at = e.now().wall + minutes{5};  // More than the declaration says.
    const DaemonKey key = e.load(make_spec("web"), stopping);
    e.manager_started();
    e.spawned(key);
    e.advance(minutes{5} - seconds{1});
    EXPECT_EQ(e.signals(RunId{17}), std::vector<std::string>{"15"});
    e.advance(seconds{1});
    EXPECT_EQ(e.signals(RunId{17}), (std::vector<std::string>{"15", "kill"}));
}

TEST(Resume, a_kill_that_was_asked_for_is_carried_out_at_once) {
    Engine first;
    const DaemonKey begun = first.add(make_spec("web"));
    first.up(begun);
    first.stop(begun, true);
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), first.machine(begun).stored());
    e.manager_started();
    e.spawned(key);
    e.advance(milliseconds{1});
    EXPECT_EQ(e.signals(e.run(key)).back(), "kill");
}

TEST(Resume, a_manager_that_takes_another_ones_place_starts_nothing_by_itself) {
    Engine e;
    model::DaemonSpec web = make_spec("web");
    web.autostart = true;
    const DaemonKey stopped = e.load(web, stored(State::stopped, model::Target::down));
    model::DaemonSpec boot = with_schedule(make_spec("boot"), "@reboot");
    model::StoredInstance armed = stored(State::scheduled, model::Target::up);
    armed.armed_at = e.now().wall - hours{1};
    const DaemonKey at_boot = e.load(boot, armed);
    e.manager_started(true, true);
    EXPECT_EQ(e.state(stopped), State::stopped);
    EXPECT_EQ(e.state(at_boot), State::scheduled);
    EXPECT_EQ(e.spawns(), 0U);
}

TEST(Resume, a_run_that_fell_due_between_two_managers_is_not_missed) {
    for (const bool continued : {true, false}) {
        Engine e;
        model::StoredInstance armed = stored(State::scheduled, model::Target::up);
        armed.armed_at = e.now().wall - hours{1};
        armed.last_fired_at = e.now().wall - minutes{2};
        const DaemonKey key = e.load(with_schedule(make_spec("job"), "* * * * *"), armed);
        e.manager_started(true, continued);
        EXPECT_EQ(e.state(key), continued ? State::starting : State::scheduled);
    }
}

TEST(Resume, a_run_that_was_steady_and_ends_unseen_begins_the_back_off_anew) {
    Engine first;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::always);
    spec.restart.max_retries = 2;
    const DaemonKey begun = first.add(spec);
    first.up(begun);
    for (int failures = 0; failures < 2; ++failures) {
        first.exited(begun, ExitStatus::exited(1));
        first.advance(minutes{1});
        first.spawned(begun);
    }
    EXPECT_EQ(first.machine(begun).stored().attempt, 2U);
    first.forget_actions();
    first.advance(spec.restart.reset_after);
    EXPECT_EQ(first.machine(begun).stored().attempt, 0U);
    EXPECT_EQ(first.count<PersistInstance>(), 1U);
    EXPECT_FALSE(first.until_deadline().has_value()) << "nobody wakes up for it again";

    Engine second;
    const DaemonKey key = second.load(spec, first.machine(begun).stored());
    second.manager_started();
    second.gone(key);
    EXPECT_EQ(second.state(key), State::backoff) << "not given up";
}

}  // namespace
}  // namespace syspulse::engine::test
