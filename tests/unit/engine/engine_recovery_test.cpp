// Runs of an earlier manager that nobody can look for: kept, looked for again, never doubled.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;

TEST(Recovery, a_run_that_cannot_be_looked_for_is_kept_and_looked_for_again) {
    Engine e;
    const DaemonKey key = e.load(with_policy(make_spec("web"), Kind::always),
                                 stored(State::running, model::Target::up, true));
    e.manager_started();
    for (std::size_t looks = 1; looks < 20; ++looks) {
        EXPECT_EQ(e.count<RecoverRun>(), looks);
        e.out_of_reach(key);
        EXPECT_EQ(e.state(key), State::starting);
        EXPECT_EQ(e.view(key).pid, 4711);
        EXPECT_NE(e.view(key).last_error.find("there is no driver"), std::string::npos);
        const model::StoredInstance kept = e.machine(key).stored();
        EXPECT_TRUE(kept.run_live);
        EXPECT_EQ(kept.token, "token");
        EXPECT_EQ(kept.state, State::running) << "what the next manager is told";
        ASSERT_LE(e.until_deadline().value_or(hours{1}), minutes{1});
        e.advance(*e.until_deadline());
    }
    EXPECT_EQ(e.spawns(), 0U);
    EXPECT_EQ(e.count<ReleaseRun>(), 0U);
    e.spawned(key);
    EXPECT_EQ(e.state(key), State::running);
    EXPECT_EQ(e.run(key), RunId{17});
    EXPECT_EQ(e.view(key).last_error, "");
    EXPECT_DOUBLE_EQ(e.view(key).uptime_secs.value_or(0),
                     std::chrono::duration<double>(e.now().wall - *e.view(key).started_at).count());
    EXPECT_FALSE(e.until_deadline().has_value());
}

TEST(Recovery, what_was_not_looked_for_yet_is_not_said_to_run) {
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    EXPECT_EQ(e.view(key).state, State::starting);
    EXPECT_EQ(e.machine(key).stored().state, State::running) << "what the next manager is told";
    e.manager_started();
    EXPECT_EQ(e.view(key).state, State::starting);
    e.spawned(key);
    EXPECT_EQ(e.view(key).state, State::running);
}

TEST(Recovery, history_tells_once_that_a_run_cannot_be_looked_for) {
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    e.manager_started();
    e.forget_actions();
    for (int looks = 0; looks < 3; ++looks) {
        e.out_of_reach(key);
        e.advance(minutes{1});
    }
    EXPECT_EQ(e.count<AddHistory>(), 1U);
}

TEST(Recovery, a_start_by_hand_looks_again_at_once_and_hears_what_came_of_it) {
    for (const bool found : {true, false}) {
        Engine e;
        const DaemonKey key =
            e.load(make_spec("web"), stored(State::running, model::Target::up, true));
        e.manager_started();
        EXPECT_EQ(e.refusal(e.start(key)), ErrorCode::invalid_state) << "a look is under way";
        e.out_of_reach(key);
        const RequestId start = e.start(key);
        EXPECT_EQ(e.count<RecoverRun>(), 2U);
        EXPECT_FALSE(e.answered(start));
        if (found) {
            e.spawned(key);
        } else {
            e.out_of_reach(key, "plugin lost");
        }
        EXPECT_EQ(e.done(start), found);
        if (!found) {
            EXPECT_NE(e.refusal_text(start).find("plugin lost"), std::string::npos);
        }
        EXPECT_EQ(e.state(key), found ? State::running : State::starting);
        EXPECT_EQ(e.spawns(), 0U);
    }
}

TEST(Recovery, a_stop_of_what_is_out_of_reach_fails_but_is_carried_out_once_it_is_found) {
    for (const bool force : {false, true}) {
        Engine e;
        const DaemonKey key = e.load(with_policy(make_spec("web"), Kind::always),
                                     stored(State::running, model::Target::up, true));
        e.manager_started();
        e.out_of_reach(key);
        const RequestId stop = e.stop(key, force);
        EXPECT_EQ(e.count<RecoverRun>(), 2U) << "it is looked for at once";
        e.out_of_reach(key);
        EXPECT_NE(e.refusal_text(stop).find("there is no driver"), std::string::npos);
        EXPECT_EQ(e.state(key), State::stopping);
        EXPECT_TRUE(e.signals(RunId{17}).empty());
        e.advance(minutes{1});
        e.spawned(key);
        EXPECT_EQ(e.signals(RunId{17}), std::vector<std::string>{force ? "kill" : "15"});
        e.exited(key);
        EXPECT_EQ(e.state(key), State::stopped);
        EXPECT_EQ(e.spawns(), 0U);
    }
}

TEST(Recovery, a_restart_of_what_is_out_of_reach_starts_nothing_beside_it) {
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    e.manager_started();
    e.out_of_reach(key);
    const RequestId restart = e.restart(key);
    e.out_of_reach(key);
    EXPECT_FALSE(e.done(restart));
    EXPECT_EQ(e.spawns(), 0U);
    e.advance(minutes{1});
    e.gone(key);
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Recovery, a_start_that_may_have_left_a_process_is_followed_by_no_other_in_doubt) {
    Engine e;
    const DaemonKey key = e.add(with_policy(make_spec("web"), Kind::always));
    const RequestId start = e.start(key, true);
    e.spawn_in_doubt(key);
    EXPECT_NE(e.refusal_text(start).find("not killed"), std::string::npos);
    for (int i = 0; i < 3; ++i) {
        e.advance(minutes{1});
        e.out_of_reach(key);
    }
    EXPECT_EQ(e.state(key), State::starting);
    EXPECT_EQ(e.spawns(), 1U);
    EXPECT_EQ(e.count<RecoverRun>(), 3U);
    EXPECT_TRUE(e.machine(key).stored().run_live) << "the next manager looks for it as well";
    e.advance(minutes{1});
    e.gone(key);
    EXPECT_EQ(e.state(key), State::backoff) << "as after any failed start";
    EXPECT_FALSE(e.machine(key).stored().last_exit) << "nothing ran";
    e.advance(minutes{1});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(Recovery, a_start_that_is_asked_for_in_doubt_begins_when_nothing_is_left_of_the_last) {
    for (const bool looked_for : {false, true}) {
        Engine e;
        const DaemonKey key = e.add(make_spec("web"));
        e.start(key);
        e.spawn_in_doubt(key);
        const RequestId early = e.start(key);
        e.out_of_reach(key);
        EXPECT_NE(e.refusal_text(early).find("next try in "), std::string::npos);
        if (looked_for) e.advance(minutes{1});
        const RequestId start = e.start(key);
        EXPECT_EQ(e.count<RecoverRun>(), 2U);
        e.gone(key);
        EXPECT_EQ(e.spawns(), 2U);
        EXPECT_FALSE(e.done(start));
        e.spawned(key);
        EXPECT_TRUE(e.done(start));
        EXPECT_FALSE(e.refusal(start)) << e.refusal_text(start);
        EXPECT_EQ(e.state(key), State::running);
    }
}

TEST(Recovery, a_stop_takes_back_the_start_that_is_asked_for_in_doubt) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.start(key);
    e.spawn_in_doubt(key);
    e.start(key);
    e.stop(key);
    e.gone(key);
    EXPECT_EQ(e.state(key), State::stopped);
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Recovery, what_a_failed_start_left_is_taken_over_when_it_is_found) {
    Engine e;
    const DaemonKey key = e.add(make_spec("web"));
    e.start(key);
    e.spawn_in_doubt(key);
    e.advance(minutes{1});
    e.spawned(key);
    EXPECT_EQ(e.state(key), State::running);
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Recovery, a_stop_fails_while_a_failed_start_may_have_left_a_process) {
    for (const bool before : {true, false}) {
        Engine e;
        const DaemonKey key = e.add(with_policy(make_spec("web"), Kind::always));
        e.start(key);
        if (!before) e.spawn_in_doubt(key);
        const RequestId stop = e.stop(key);
        if (before) {
            e.spawn_in_doubt(key);
        } else {
            e.out_of_reach(key);
        }
        EXPECT_TRUE(e.refusal(stop).has_value());
        EXPECT_EQ(e.state(key), State::stopping);
        e.advance(minutes{1});
        e.gone(key);
        EXPECT_EQ(e.state(key), State::stopped);
        EXPECT_EQ(e.spawns(), 1U);
    }
}

TEST(Recovery, removal_of_what_is_out_of_reach_is_refused_and_it_stays_known) {
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    e.manager_started();
    e.out_of_reach(key);
    const RequestId removal = e.remove(key, true);
    e.out_of_reach(key);
    EXPECT_TRUE(e.refusal(removal).has_value());
    ASSERT_TRUE(e.known(key));
    EXPECT_TRUE(e.machine(key).stored().run_live);
}

TEST(Recovery, a_shutdown_leaves_behind_what_is_out_of_reach) {
    for (const bool pending : {true, false}) {
        Engine e;
        const DaemonKey key =
            e.load(make_spec("web"), stored(State::running, model::Target::up, true));
        e.manager_started();
        if (!pending) e.out_of_reach(key);
        e.shut_down();
        EXPECT_FALSE(e.finished()) << "it is looked for once more";
        e.out_of_reach(key);
        EXPECT_TRUE(e.finished());
        EXPECT_TRUE(e.machine(key).stored().run_live);
    }
}

TEST(Recovery, who_waits_for_the_end_of_what_a_shutdown_leaves_behind_learns_why) {
    Engine e;
    const DaemonKey key = e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    e.manager_started();
    const RequestId stop = e.stop(key);
    e.shut_down();
    e.out_of_reach(key, "there is no driver");
    ASSERT_TRUE(e.finished());
    const std::string told = e.refusal_text(stop);
    EXPECT_NE(told.find("\"web\" is left behind"), std::string::npos) << told;
    EXPECT_NE(told.find("there is no driver"), std::string::npos) << told;
}

TEST(Recovery, nothing_is_out_of_reach_after_a_restart_of_the_machine) {
    Engine e;
    const DaemonKey key =
        e.load(make_spec("web"), stored(State::running, model::Target::up, true), true);
    e.manager_started();
    e.out_of_reach(key);
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Recovery, asks_the_driver_that_began_the_run_also_when_another_is_declared) {
    Engine first;
    model::DaemonSpec spec = make_spec("web");
    spec.driver = {"custom", R"({"vm":"small"})"};
    const DaemonKey begun = first.add(spec);
    first.up(begun);
    spec.driver = {"posix", "{}"};
    first.change(begun, spec);

    Engine second;
    const DaemonKey key = second.load(spec, first.machine(begun).stored());
    second.manager_started();
    ASSERT_EQ(second.count<RecoverRun>(), 1U);
    EXPECT_EQ(second.all<RecoverRun>().front().driver,
              (model::PluginChoice{"custom", R"({"vm":"small"})"}));
    // The next run is begun as it is declared by now.
    second.gone(key);
    second.start(key);
    ASSERT_EQ(second.count<SpawnRun>(), 1U);
    EXPECT_EQ(second.all<SpawnRun>().front().spec->driver.type, "posix");
}

TEST(Recovery, of_a_run_whose_driver_nobody_recorded_asks_the_declared_one) {
    Engine e;
    e.load(make_spec("web"), stored(State::running, model::Target::up, true));
    e.manager_started();
    ASSERT_EQ(e.count<RecoverRun>(), 1U);
    EXPECT_EQ(e.all<RecoverRun>().front().driver.type, "posix");
}

}  // namespace
}  // namespace syspulse::engine::test
