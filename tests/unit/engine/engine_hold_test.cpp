// Pausing: what it does to checks, stops and requests, and what it does not do to the state.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

RequestId ask_pause(Engine& e, DaemonKey daemon, std::uint64_t request = 1000) {
    e.handle(PauseRequested{daemon, RequestId{request}});
    return RequestId{request};
}
RequestId ask_resume(Engine& e, DaemonKey daemon, std::uint64_t request = 2000) {
    e.handle(ResumeRequested{daemon, RequestId{request}});
    return RequestId{request};
}
void held(Engine& e, DaemonKey daemon, bool paused, std::optional<Error> error = std::nullopt) {
    e.handle(Held{daemon, e.run(daemon), paused, std::move(error)});
}
// The last order to hold or to let go; nothing if there was none.
std::optional<bool> order(const Engine& e) {
    const auto orders = e.all<HoldRun>();
    return orders.empty() ? std::nullopt : std::optional(orders.back().paused);
}

TEST(Hold, pause_and_resume_are_answered_when_done_and_leave_the_state) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RequestId pause = ask_pause(e, web);
    EXPECT_EQ(order(e), true);
    EXPECT_FALSE(e.answered(pause));
    EXPECT_FALSE(e.view(web).paused);
    held(e, web, true);
    EXPECT_TRUE(e.done(pause));
    EXPECT_TRUE(e.view(web).paused);
    EXPECT_EQ(e.state(web), State::running);
    const RequestId resume = ask_resume(e, web);
    EXPECT_EQ(order(e), false);
    held(e, web, false);
    EXPECT_TRUE(e.done(resume));
    EXPECT_FALSE(e.view(web).paused);
}

TEST(Hold, what_does_not_fit_is_a_conflict) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    EXPECT_EQ(e.refusal(ask_pause(e, web, 1001)), ErrorCode::invalid_state);
    EXPECT_EQ(e.refusal(ask_resume(e, web, 1002)), ErrorCode::invalid_state);
    e.up(web);
    ask_pause(e, web, 1003);
    EXPECT_EQ(e.refusal(ask_pause(e, web, 1004)), ErrorCode::invalid_state);
    EXPECT_EQ(e.refusal(ask_resume(e, web, 1005)), ErrorCode::invalid_state);
    held(e, web, true);
    EXPECT_EQ(e.refusal(ask_pause(e, web, 1006)), ErrorCode::invalid_state);
    EXPECT_EQ(e.count<HoldRun>(), 1U);
}

TEST(Hold, what_is_not_known_to_be_held_is_let_go_by_its_driver) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.healthy(web);
    const RequestId resume = ask_resume(e, web, 1001);
    EXPECT_EQ(order(e), false);
    EXPECT_FALSE(e.answered(resume));
    EXPECT_FALSE(e.view(web).paused);
    EXPECT_EQ(e.refusal(ask_resume(e, web, 1002)), ErrorCode::invalid_state);
    EXPECT_EQ(e.refusal(ask_pause(e, web, 1003)), ErrorCode::invalid_state);
    // It is checked all the time: it counts as running.
    e.fail_until_unhealthy(web);
    EXPECT_EQ(e.state(web), State::stopping);
    EXPECT_EQ(e.refusal(resume), ErrorCode::cancelled);
    held(e, web, false);
    e.exited(web);
    e.up(web);
    const RequestId again = ask_resume(e, web, 1004);
    held(e, web, false);
    EXPECT_TRUE(e.done(again));
    EXPECT_FALSE(e.answered(ask_pause(e, web, 1005)));
    EXPECT_EQ(order(e), true);
}

TEST(Hold, a_driver_that_cannot_hold_says_that_nothing_is_held) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RequestId resume = ask_resume(e, web, 1001);
    held(e, web, false, Error{ErrorCode::unsupported, "driver posix cannot pause"});
    EXPECT_EQ(e.refusal(resume), ErrorCode::invalid_state);
    EXPECT_NE(e.refusal_text(resume).find("is not paused"), std::string::npos);
    const RequestId again = ask_resume(e, web, 1002);
    held(e, web, false, Error{ErrorCode::internal, "the cgroup cannot be written"});
    EXPECT_EQ(e.refusal(again), ErrorCode::internal);
    EXPECT_EQ(e.state(web), State::running);
}

TEST(Hold, whoever_resumes_what_runs_hears_of_its_end) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RequestId resume = ask_resume(e, web);
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.refusal(resume), ErrorCode::cancelled);
    e.up(web);
    EXPECT_FALSE(e.answered(ask_pause(e, web)));
}

TEST(Hold, a_driver_that_cannot_leaves_it_running_with_its_checks) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.healthy(web);
    const RequestId pause = ask_pause(e, web);
    held(e, web, true, Error{ErrorCode::unsupported, "cannot pause"});
    EXPECT_EQ(e.refusal(pause), ErrorCode::unsupported);
    EXPECT_FALSE(e.view(web).paused);
    e.fail_until_unhealthy(web);
    EXPECT_EQ(e.state(web), State::stopping);
}

TEST(Hold, nothing_is_checked_meanwhile_and_checks_go_on_afterwards) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.healthy(web);
    ask_pause(e, web);
    held(e, web, true);
    e.forget_actions();
    e.advance(hours{5});
    EXPECT_EQ(e.count<StartCheck>(), 0U);
    EXPECT_EQ(e.health(web), Health::healthy);
    EXPECT_EQ(e.until_deadline(), std::nullopt);
    ask_resume(e, web);
    held(e, web, false);
    e.next_check(web, true);
    EXPECT_EQ(e.health(web), Health::healthy);
}

TEST(Hold, a_check_under_way_does_not_count) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.healthy(web);
    e.advance(seconds{10});
    ask_pause(e, web);
    EXPECT_EQ(e.count<CancelCheck>(), 1U);
    e.checked(web, false);
    held(e, web, true);
    EXPECT_EQ(e.view(web).last_check->passed, true);
}

TEST(Hold, a_stop_lets_it_go_so_that_it_heeds_the_signal) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    ask_pause(e, web);
    held(e, web, true);
    e.forget_actions();
    e.stop(web);
    EXPECT_EQ(order(e), false);
    EXPECT_EQ(e.signals(e.run(web)), std::vector<std::string>{"15"});
    EXPECT_FALSE(e.view(web).paused);
    held(e, web, false);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::stopped);
}

TEST(Hold, a_kill_needs_no_thaw) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    ask_pause(e, web);
    held(e, web, true);
    e.forget_actions();
    e.stop(web, true);
    EXPECT_EQ(e.count<HoldRun>(), 0U);
    EXPECT_EQ(e.signals(e.run(web)), std::vector<std::string>{"kill"});
}

TEST(Hold, whoever_waits_hears_of_an_end_or_a_stop) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RequestId first = ask_pause(e, web, 1001);
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.refusal(first), ErrorCode::cancelled);
    e.up(web);
    EXPECT_FALSE(e.view(web).paused);
    const RequestId second = ask_pause(e, web, 1002);
    e.stop(web);
    EXPECT_EQ(e.refusal(second), ErrorCode::cancelled);
    held(e, web, true);
    EXPECT_FALSE(e.view(web).paused);
}

TEST(Hold, an_answer_of_an_older_run_changes_nothing) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RunId old = e.run(web);
    e.exited(web, ExitStatus::exited(1));
    e.up(web);
    ask_pause(e, web);
    e.handle(Held{web, old, true, std::nullopt});
    EXPECT_FALSE(e.view(web).paused);
}

TEST(Hold, recovery_finds_it_paused_and_checks_nothing) {
    Engine e;
    model::StoredInstance stored;
    stored.state = State::running;
    stored.target = model::Target::up;
    stored.run = RunId{7};
    stored.run_live = true;
    stored.pid = 1234;
    stored.token = "token";
    const DaemonKey web = e.load(with_check(make_spec("web")), stored);
    e.manager_started();
    e.handle(Spawned{web, RunId{7}, 1234, "token", true});
    EXPECT_EQ(e.state(web), State::running);
    EXPECT_TRUE(e.view(web).paused);
    e.advance(hours{1});
    EXPECT_EQ(e.count<StartCheck>(), 0U);
}

TEST(Hold, who_waits_for_its_health_hears_that_nothing_is_checked) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const RequestId start = e.start(web, true);
    e.spawned(web);
    ask_pause(e, web);
    EXPECT_FALSE(e.answered(start)) << "the driver may be unable to";
    held(e, web, true);
    EXPECT_EQ(e.refusal(start), ErrorCode::cancelled);
    EXPECT_NE(e.refusal_text(start).find("is paused"), std::string::npos);
}

TEST(Hold, who_waits_for_a_run_that_is_found_paused_hears_it) {
    Engine e;
    const DaemonKey web =
        e.load(with_check(make_spec("web")), stored(State::running, model::Target::up, true));
    e.manager_started();
    e.out_of_reach(web);
    const RequestId start = e.start(web, true);
    e.handle(Spawned{web, e.run(web), 4711, "token", true});
    EXPECT_EQ(e.refusal(start), ErrorCode::cancelled);
}

}  // namespace
}  // namespace syspulse::engine::test
