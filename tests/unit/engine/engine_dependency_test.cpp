// Dependencies: start after what is needed is ready, stop before it, and end with it.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;

struct Pair {
    explicit Pair(model::DaemonSpec db_spec = make_spec("db"))
        : db(e.add(std::move(db_spec))), web(e.add(needing(make_spec("web"), {"db"}))) {}
    Engine e;
    DaemonKey db;
    DaemonKey web;
};

TEST(Dependency, a_stopped_one_is_pulled_in_and_waited_for) {
    Pair p;
    const RequestId request = p.e.start(p.web);
    EXPECT_EQ(p.e.state(p.db), State::starting);
    EXPECT_EQ(p.e.spawns(), 1U);
    EXPECT_EQ(p.e.view(p.web).waiting_for, "db");
    EXPECT_TRUE(p.e.done(request)) << "without --wait nobody waits for dependencies";
    p.e.spawned(p.db);
    EXPECT_EQ(p.e.spawns(), 2U);
    p.e.spawned(p.web);
    EXPECT_EQ(p.e.state(p.web), State::running);
}

TEST(Dependency, with_a_check_it_must_be_healthy) {
    Pair p{with_check(make_spec("db"))};
    const RequestId request = p.e.start(p.web, true);
    p.e.spawned(p.db);
    EXPECT_EQ(p.e.state(p.web), State::starting);
    EXPECT_EQ(p.e.spawns(), 1U);
    p.e.advance(seconds{0});
    p.e.checked(p.db, true);
    EXPECT_EQ(p.e.spawns(), 2U);
    p.e.spawned(p.web);
    EXPECT_TRUE(p.e.done(request));
}

TEST(Dependency, a_failed_one_gets_another_try_when_a_person_asks) {
    Pair p;
    p.e.start(p.db);
    p.e.spawn_failed(p.db);
    ASSERT_EQ(p.e.state(p.db), State::failed);
    p.e.start(p.web);
    EXPECT_EQ(p.e.state(p.db), State::starting);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    EXPECT_EQ(p.e.state(p.web), State::running);
}

TEST(Dependency, a_failed_one_is_tried_again_through_a_chain) {
    Pair p;
    const DaemonKey top = p.e.add(needing(make_spec("top"), {"web"}));
    p.e.start(top);
    p.e.spawn_failed(p.db);
    ASSERT_EQ(p.e.state(p.db), State::failed);
    ASSERT_EQ(p.e.state(p.web), State::failed);
    ASSERT_EQ(p.e.state(top), State::failed);
    p.e.start(top);
    EXPECT_EQ(p.e.state(p.db), State::starting);
    EXPECT_EQ(p.e.state(p.web), State::starting);
    EXPECT_EQ(p.e.state(top), State::starting);
}

TEST(Dependency, its_failure_fails_whoever_waits_for_it) {
    Pair p;
    const RequestId request = p.e.start(p.web, true);
    p.e.spawn_failed(p.db);
    EXPECT_EQ(p.e.state(p.web), State::failed);
    EXPECT_EQ(p.e.refusal(request), ErrorCode::internal);
    EXPECT_NE(p.e.refusal_text(request).find("\"db\""), std::string::npos);
    EXPECT_EQ(p.e.spawns(), 1U);
}

TEST(Dependency, its_back_off_is_waited_out) {
    Pair p{with_policy(make_spec("db"), Kind::on_failure)};
    const RequestId request = p.e.start(p.web, true);
    p.e.spawn_failed(p.db);
    EXPECT_EQ(p.e.state(p.db), State::backoff);
    EXPECT_EQ(p.e.state(p.web), State::starting);
    p.e.advance(seconds{2});
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    EXPECT_TRUE(p.e.done(request));
}

TEST(Dependency, one_that_did_its_work_and_ended_well_is_as_good_as_running) {
    Pair p;
    p.e.start(p.web);
    p.e.exited(p.db, ExitStatus::exited(0));
    EXPECT_EQ(p.e.state(p.db), State::stopped);
    p.e.spawned(p.web);
    EXPECT_EQ(p.e.state(p.web), State::running);
    EXPECT_EQ(p.e.spawns(), 2U);
}

TEST(Dependency, one_that_was_stopped_is_started_again_however_well_it_ended) {
    Pair p;
    p.e.up(p.db);
    p.e.stop(p.db);
    p.e.exited(p.db, ExitStatus::exited(0));
    ASSERT_EQ(p.e.state(p.db), State::stopped);
    p.e.start(p.web);
    EXPECT_EQ(p.e.state(p.db), State::starting);
    EXPECT_EQ(p.e.view(p.web).waiting_for, "db");
}

TEST(Dependency, an_unknown_one_fails_the_start) {
    Engine e;
    const DaemonKey web = e.add(needing(make_spec("web"), {"nothing"}));
    const RequestId request = e.start(web);
    EXPECT_EQ(e.state(web), State::failed);
    EXPECT_EQ(e.refusal(request), ErrorCode::internal);
}

TEST(Dependency, a_scheduled_one_is_not_waited_for) {
    Pair p{with_schedule(make_spec("db"), "@every 1h")};
    p.e.start(p.web);
    EXPECT_EQ(p.e.state(p.db), State::scheduled);
    EXPECT_EQ(p.e.spawns(), 1U);
}

TEST(Dependency, a_stop_ends_dependents_first) {
    Pair p;
    const DaemonKey top = p.e.add(needing(make_spec("top"), {"web"}));
    p.e.start(top);
    for (const DaemonKey key : {p.db, p.web, top}) p.e.spawned(key);
    const RequestId request = p.e.stop(p.db);
    EXPECT_EQ(p.e.view(p.db).waiting_for, "web");
    EXPECT_EQ(p.e.signals(p.e.run(top)).size(), 1U);
    EXPECT_TRUE(p.e.signals(p.e.run(p.web)).empty());
    p.e.exited(top);
    EXPECT_EQ(p.e.signals(p.e.run(p.web)).size(), 1U);
    EXPECT_TRUE(p.e.signals(p.e.run(p.db)).empty());
    p.e.exited(p.web);
    EXPECT_EQ(p.e.signals(p.e.run(p.db)).size(), 1U);
    EXPECT_FALSE(p.e.answered(request));
    p.e.exited(p.db);
    EXPECT_TRUE(p.e.done(request));
    p.e.advance(hours{1});
    for (const DaemonKey key : {p.db, p.web, top}) EXPECT_EQ(p.e.state(key), State::stopped);
}

TEST(Dependency, a_forced_stop_waits_for_nobody) {
    Pair p;
    p.e.start(p.web);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    p.e.stop(p.db, true);
    EXPECT_EQ(p.e.signals(p.e.run(p.db)), std::vector<std::string>{"kill"});
    EXPECT_EQ(p.e.signals(p.e.run(p.web)), std::vector<std::string>{"kill"});
}

TEST(Dependency, one_that_ends_while_it_waits_for_dependents_is_stopped) {
    Pair p;
    p.e.start(p.web);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    const RequestId request = p.e.stop(p.db);
    p.e.exited(p.db, ExitStatus::exited(1));
    EXPECT_EQ(p.e.state(p.db), State::stopped);
    EXPECT_TRUE(p.e.done(request));
}

TEST(Dependency, a_stop_out_of_back_off_is_not_undone_by_who_waits) {
    Pair p{with_policy(make_spec("db"), Kind::always)};
    const RequestId start = p.e.start(p.web, true);
    p.e.spawned(p.db);
    p.e.stop(p.web);
    p.e.exited(p.web);
    p.e.exited(p.db);
    ASSERT_EQ(p.e.state(p.db), State::backoff);
    p.e.start(p.web);
    ASSERT_EQ(p.e.state(p.web), State::starting);
    EXPECT_TRUE(p.e.done(p.e.stop(p.db)));
    EXPECT_EQ(p.e.state(p.db), State::stopped);
    EXPECT_EQ(p.e.state(p.web), State::stopped);
    p.e.advance(hours{1});
    EXPECT_EQ(p.e.state(p.db), State::stopped);
    EXPECT_TRUE(p.e.answered(start));
}

TEST(Dependency, a_stop_of_the_dependent_leaves_the_dependency_running) {
    Pair p;
    p.e.start(p.web);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    p.e.stop(p.web);
    p.e.exited(p.web);
    EXPECT_EQ(p.e.state(p.db), State::running);
}

TEST(Dependency, a_restart_of_the_dependency_leaves_the_dependent_running) {
    Pair p;
    p.e.start(p.web);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    p.e.restart(p.db);
    p.e.exited(p.db);
    p.e.spawned(p.db);
    EXPECT_EQ(p.e.state(p.db), State::running);
    EXPECT_EQ(p.e.state(p.web), State::running);
}

TEST(Dependency, a_restart_of_a_daemon_that_still_waits_goes_on_waiting) {
    Pair p{with_check(make_spec("db"))};
    p.e.start(p.web);
    p.e.spawned(p.db);
    const RequestId request = p.e.restart(p.web, false, true);
    EXPECT_EQ(p.e.state(p.web), State::starting);
    EXPECT_FALSE(p.e.answered(request)) << p.e.refusal_text(request);
    p.e.advance(seconds{0});
    p.e.checked(p.db, true);
    p.e.spawned(p.web);
    EXPECT_TRUE(p.e.done(request));
}

TEST(Dependency, a_dependent_that_is_to_come_back_does_not_hold_up_the_stop) {
    Pair p;
    p.e.start(p.web);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    const RequestId stop = p.e.stop(p.db);
    const RequestId restart = p.e.restart(p.web);
    p.e.exited(p.web);
    EXPECT_EQ(p.e.signals(p.e.run(p.db)).size(), 1U);
    p.e.exited(p.db);
    EXPECT_TRUE(p.e.done(stop));
    // The restart came later, and it needs the dependency.
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    EXPECT_TRUE(p.e.done(restart));
}

TEST(Dependency, shutdown_goes_in_reverse_order) {
    Pair p;
    p.e.start(p.web);
    p.e.spawned(p.db);
    p.e.spawned(p.web);
    p.e.shut_down();
    EXPECT_EQ(p.e.signals(p.e.run(p.web)).size(), 1U);
    EXPECT_TRUE(p.e.signals(p.e.run(p.db)).empty());
    EXPECT_EQ(p.e.count<Finish>(), 0U);
    p.e.exited(p.web);
    EXPECT_EQ(p.e.signals(p.e.run(p.db)).size(), 1U);
    p.e.exited(p.db);
    EXPECT_EQ(p.e.count<Finish>(), 1U);
}

TEST(Dependency, shutdown_pulls_nothing_in) {
    Pair p{with_check(make_spec("db"))};
    const RequestId request = p.e.start(p.web, true);
    p.e.spawned(p.db);
    p.e.shut_down();
    EXPECT_EQ(p.e.refusal(request), ErrorCode::cancelled);
    p.e.exited(p.db);
    EXPECT_EQ(p.e.count<Finish>(), 1U);
    EXPECT_EQ(p.e.spawns(), 1U);
}

TEST(Dependency, what_others_need_cannot_be_removed) {
    Pair p;
    EXPECT_EQ(p.e.refusal(p.e.remove(p.db, true)), ErrorCode::invalid_state);
    EXPECT_TRUE(p.e.done(p.e.remove(p.web)));
    EXPECT_TRUE(p.e.done(p.e.remove(p.db)));
}

TEST(Dependency, a_diamond_starts_each_daemon_once) {
    Engine e;
    const DaemonKey base = e.add(make_spec("base"));
    const DaemonKey left = e.add(needing(make_spec("left"), {"base"}));
    const DaemonKey right = e.add(needing(make_spec("right"), {"base"}));
    const DaemonKey top = e.add(needing(make_spec("top"), {"left", "right"}));
    const RequestId request = e.start(top, true);
    for (const DaemonKey key : {base, left, right, top}) e.spawned(key);
    EXPECT_TRUE(e.done(request));
    EXPECT_EQ(e.spawns(), 4U);
}

TEST(EngineDependency, a_dependency_that_is_dropped_while_it_is_waited_for_is_not_waited_for) {
    Engine e;
    const DaemonKey db = e.add(with_check(make_spec("db")));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    e.start(web);
    e.spawned(db);
    EXPECT_EQ(e.spawns(), 1U);
    e.change(web, make_spec("web"));
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineDependency, a_dependent_that_no_longer_needs_it_does_not_hold_up_the_stop) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    e.up(db);
    e.up(web);
    const RequestId stop = e.stop(db);
    EXPECT_EQ(e.machine(db).phase(), DaemonMachine::Phase::waiting_for_dependents);
    e.change(web, make_spec("web"));
    EXPECT_EQ(e.machine(db).phase(), DaemonMachine::Phase::terminating);
    e.exited(db);
    EXPECT_TRUE(e.done(stop));
}

TEST(EngineDependency, a_stop_that_waits_for_what_does_not_end_is_answered) {
    Engine e;
    const DaemonKey disk = e.add(make_spec("disk"));
    const DaemonKey db = e.add(needing(make_spec("db"), {"disk"}));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    e.up(disk);
    e.up(db);
    e.up(web);
    const RequestId stop = e.stop(disk);
    e.advance(minutes{2});
    EXPECT_EQ(e.refusal(stop), ErrorCode::timed_out);
    EXPECT_NE(e.refusal_text(stop).find("\"web\" was killed but does not end"), std::string::npos)
        << e.refusal_text(stop);
    EXPECT_EQ(e.state(disk), State::stopping);
    e.exited(web);
    e.exited(db);
    e.exited(disk);
    EXPECT_EQ(e.state(disk), State::stopped);
}

}  // namespace
}  // namespace syspulse::engine::test
