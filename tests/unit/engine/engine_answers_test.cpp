// What the engine tells people beyond states: why a wait was in vain, what a stop took along, what
// runs under an older declaration, and which runs have to be on record.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;

TEST(Answers, a_wait_for_health_says_what_the_check_said) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const RequestId request = e.start(web, true, seconds{1});
    e.spawned(web);
    e.next_check(web, false);
    e.advance(seconds{1});
    EXPECT_EQ(e.refusal(request), ErrorCode::timed_out);
    EXPECT_EQ(e.refusal_text(request),
              "\"web\" is running, but not healthy after 1s: connection refused");
}

TEST(Answers, a_wait_for_a_process_says_what_it_is_still_doing) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    const RequestId request = e.start(web, true, seconds{2});
    e.advance(seconds{2});
    EXPECT_EQ(e.refusal_text(request), "\"web\" is still starting after 2s");
}

TEST(Answers, a_daemon_that_had_to_be_killed_says_how_long_it_was_asked) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.stop(web, false, seconds{3});
    e.advance(seconds{3});
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_EQ(e.view(web).killed_after, Duration(seconds{3}));
    e.up(web);
    EXPECT_EQ(e.view(web).killed_after, std::nullopt);
    e.stop(web, true);
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_EQ(e.view(web).killed_after, std::nullopt);  // It was not asked.
}

TEST(Answers, a_process_that_is_asked_to_end_is_let_go_on) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.forget_actions();
    e.stop(web);
    ASSERT_EQ(e.count<SignalRun>(), 1U);
    EXPECT_TRUE(e.all<SignalRun>().front().wakes);
}

TEST(Answers, a_run_of_an_older_declaration_is_known_until_the_next_run) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    model::DaemonSpec changed = make_spec("web");
    changed.command = {"/bin/other"};
    e.change(web, changed);
    EXPECT_FALSE(e.view(web).spec_changed);  // It does not run.
    e.up(web);
    EXPECT_FALSE(e.view(web).spec_changed);
    e.change(web, make_spec("web"));
    EXPECT_TRUE(e.view(web).spec_changed);
    EXPECT_TRUE(e.machine(web).stored().spec_changed);
    e.change(web, changed);
    EXPECT_FALSE(e.view(web).spec_changed);
    changed.tags = {"prod"};  // That holds at once.
    e.change(web, changed);
    EXPECT_FALSE(e.view(web).spec_changed);
    e.change(web, make_spec("web"));
    e.restart(web);
    e.exited(web);
    e.spawned(web);
    EXPECT_FALSE(e.view(web).spec_changed);
}

TEST(Answers, an_older_declaration_is_known_to_the_next_manager) {
    for (const bool changed : {false, true}) {
        Engine e;
        auto left = stored(State::running, model::Target::up, true);
        left.spec_changed = changed;
        const DaemonKey web = e.load(make_spec("web"), left);
        e.manager_started();
        e.spawned(web);
        EXPECT_EQ(e.view(web).spec_changed, changed);
        model::DaemonSpec other = make_spec("web");
        other.command = {"/bin/other"};
        e.change(web, other);
        EXPECT_TRUE(e.view(web).spec_changed);
    }
}

TEST(Answers, a_stop_takes_along_what_stands_on_it_and_runs) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    const DaemonKey tick = e.add(needing(make_spec("tick"), {"web"}));
    e.add(needing(make_spec("idle"), {"db"}));
    const auto taken = [&] { return e.supervisor().taken_along_by_stop_of(db); };
    EXPECT_TRUE(taken().empty());
    for (const DaemonKey key : {db, web, tick}) e.up(key);
    EXPECT_EQ(taken(), (std::vector<std::string>{"tick", "web"}));
    e.stop(tick);
    EXPECT_EQ(taken(), std::vector<std::string>{"web"});
}

// Of the runs that were begun, whether each has to be on record.
std::vector<bool> only_recorded(const Engine& e) {
    std::vector<bool> found;
    for (const SpawnRun& spawn : e.all<SpawnRun>()) found.push_back(spawn.only_recorded);
    return found;
}

TEST(Answers, what_somebody_asks_for_has_to_be_on_record_and_what_policy_brings_has_not) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.up(web);
    e.exited(web);
    e.advance(minutes{1});
    e.spawned(web);
    e.restart(web);
    e.exited(web);
    EXPECT_EQ(only_recorded(e), (std::vector<bool>{true, false, true}));
}

TEST(Answers, tries_that_follow_what_was_asked_for_have_to_be_on_record) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.start(web);
    e.spawn_failed(web);
    e.advance(minutes{1});
    e.spawn_failed(web);
    e.stop(web);
    EXPECT_EQ(only_recorded(e), (std::vector<bool>{true, true}));
    EXPECT_FALSE(e.machine(web).is_asked_for());
}

TEST(Answers, what_is_needed_is_asked_for_along_with_what_needs_it) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    e.start(web);
    e.spawned(db);
    e.spawned(web);
    EXPECT_EQ(only_recorded(e), (std::vector<bool>{true, true}));
}

TEST(Answers, a_schedule_asks_for_nothing) {
    Engine e;
    e.add(with_schedule(make_spec("job"), "@every 1h"));
    e.advance(hours{1});
    EXPECT_EQ(only_recorded(e), std::vector<bool>{false});
}

}  // namespace
}  // namespace syspulse::engine::test
