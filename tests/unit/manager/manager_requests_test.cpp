// What the conductor makes of requests beyond the engine's decision: none begins a process that a
// crash of the manager would leave unknown, and the history tells refused ones from done ones.
#include "unit/manager/conductor_fixture.hpp"

namespace syspulse::manager {
namespace {

class ManagerRequests : public ManagerConductor {
  protected:
    Result<void> ask_start(const std::string& name) {
        Answer answer;
        conductor_->start(name, false, std::nullopt, "tester", answer.callback());
        pass(milliseconds{500});
        EXPECT_EQ(answer.times, 1);
        return answer.result;
    }
    void expect_refused(const Result<void>& result, const std::string& what) {
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().code, ErrorCode::unavailable);
        EXPECT_EQ(result.error().message, what + ": simulated full disk");
    }
};

TEST_F(ManagerRequests, a_start_that_cannot_be_recorded_begins_no_process) {
    add("a");
    disk_full(true);
    expect_refused(ask_start("a"), "cannot start \"a\"");  // Nobody knew of the disk before.
    EXPECT_EQ(state("a"), State::failed);
    expect_refused(ask_start("a"), "cannot start \"a\"");
    EXPECT_TRUE(world_.processes().empty());
    boot();
    disk_full(false);
    EXPECT_TRUE(ask_start("a"));
    EXPECT_EQ(world_.live_count("a"), 1U);
}

TEST_F(ManagerRequests, a_start_is_refused_without_a_trace_once_the_disk_is_known_to_be_full) {
    add("a");
    add("b");
    start("b");
    disk_full(true);
    world_.exit_now(processes_run("b"), ExitStatus::exited(0));
    pass(milliseconds{10});
    expect_refused(ask_start("a"), "cannot start \"a\"");
    EXPECT_EQ(state("a"), State::stopped);
    EXPECT_EQ(conductor_->view("a")->last_error, "");
    disk_full(false);
    EXPECT_TRUE(ask_start("a"));  // Also before the next try of what waits.
}

TEST_F(ManagerRequests, tries_that_follow_a_refused_start_wait_for_the_record_too) {
    add_restarting("a");
    disk_full(true);
    EXPECT_FALSE(ask_start("a"));
    pass(seconds{60});
    EXPECT_EQ(state("a"), State::backoff);
    EXPECT_TRUE(world_.processes().empty());
    disk_full(false);
    pass(seconds{400});
    EXPECT_EQ(state("a"), State::running);
}

TEST_F(ManagerRequests, a_start_brings_up_what_it_needs_only_on_record) {
    add("db");
    model::DaemonSpec web = make_spec("web");
    web.depends_on = {"db"};
    ASSERT_TRUE(conductor_->add({web}, false, "tester"));
    disk_full(true);
    static_cast<void>(ask_start("web"));
    EXPECT_EQ(state("web"), State::failed);
    EXPECT_TRUE(world_.processes().empty());
}

TEST_F(ManagerRequests, a_restart_that_cannot_be_recorded_leaves_the_daemon_alone) {
    add("a");
    start("a");
    disk_full(true);
    Answer answer;
    conductor_->restart("a", false, false, std::nullopt, "tester", answer.callback());
    pass(seconds{60});
    expect_refused(answer.result, "cannot restart \"a\"");
    EXPECT_EQ(state("a"), State::running);
    EXPECT_EQ(processes_run("a"), RunId{1});
}

TEST_F(ManagerRequests, a_restart_by_hand_is_followed_by_a_recorded_run_or_none) {
    add("a");
    start("a");
    Answer answer;
    conductor_->restart("a", false, false, std::nullopt, "tester", answer.callback());
    disk_full(true);
    pass(seconds{60});
    EXPECT_EQ(answer.times, 1);
    EXPECT_FALSE(answer.result);
    EXPECT_EQ(world_.live_count("a"), 0U);
}

TEST_F(ManagerRequests, what_is_refused_stands_in_the_history_as_refused) {
    add("db");
    model::DaemonSpec web = make_spec("web");
    web.depends_on = {"db"};
    ASSERT_TRUE(conductor_->add({web}, false, "tester"));
    start("db");
    EXPECT_FALSE(ask_start("db"));
    Answer removed;
    conductor_->remove("db", false, "tester", removed.callback());
    pass(milliseconds{500});
    EXPECT_EQ(told_in_history("action"),
              (Words{"add: tester", "add: tester", "start: tester",
                     "start: refused: \"db\" is already running; tester",
                     "remove: refused: cannot remove \"db\": \"web\" depends on it; tester"}));
}

TEST_F(ManagerRequests, a_pause_is_in_the_history_as_its_driver_answered) {
    add("a");
    start("a");
    Answer paused;
    conductor_->pause("a", "tester", paused.callback());
    pass(seconds{1});
    ASSERT_EQ(paused.times, 1);
    Answer again;
    conductor_->pause("a", "tester", again.callback());
    pass(seconds{1});
    const Words told = told_in_history("action");
    ASSERT_EQ(told.size(), 4U);
    EXPECT_EQ(told[2], "pause: tester");
    EXPECT_EQ(told[3], "pause: refused: \"a\" is paused already; tester");
}

}  // namespace
}  // namespace syspulse::manager
