#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "host_fixture.hpp"

namespace syspulse::plugin_host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckRunnerTest : public HostTest, public platform::CheckObserver {
  protected:
    void SetUp() override {
        HostOptions options;
        options.search_paths = {GOOD_PLUGINS};
        options.check_grace = std::chrono::milliseconds{1};
        host_ = *PluginHost::create(*loop_, *clock_, std::move(options));
        host_->checks().set_observer(this);
    }
    void start(const std::string& target, std::uint64_t check = 1, const char* word = "hi") {
        platform::CheckRequest request;
        request.check = CheckId{check};
        request.daemon = DaemonKey{1};
        request.unit = "web";
        request.checker = "probe";
        request.target = target;
        request.options_json = std::string(R"({"word": ")") + word + R"("})";
        request.timeout = timeout_;
        host_->checks().start(request);
    }
    void checked(CheckId check, const platform::CheckReport& report) override {
        using Outcome = platform::CheckReport::Outcome;
        std::string outcome = "errored";
        if (report.outcome == Outcome::passed) outcome = "passed";
        if (report.outcome == Outcome::failed) outcome = "failed";
        metrics_ = report.metrics;
        hear(std::to_string(check.value) + " " + outcome + ": " + report.message);
    }

    std::vector<model::Metric> metrics_;
    Duration timeout_ = std::chrono::seconds{60};
};

TEST_F(CheckRunnerTest, reports_outcome_and_message_after_the_call) {
    start("pass");
    EXPECT_THAT(heard_, IsEmpty());
    until(1);
    start("fail", 2);
    until(2);
    start("unknown", 3);
    until(3);
    EXPECT_THAT(heard_, ElementsAre("1 passed: hi", "2 failed: hi", "3 errored: hi"));
}

TEST_F(CheckRunnerTest, answers_come_from_workers_posts_and_timers_too) {
    start("worker", 1);
    until(1);
    start("posted", 2);
    until(2);
    start("timer", 3);
    until(3);
    EXPECT_THAT(heard_, ElementsAre("1 passed: hi", "2 passed: hi", "3 passed: hi"));
}

TEST_F(CheckRunnerTest, new_options_make_a_new_checker) {
    start("pass", 1, "first");
    until(1);
    start("pass", 2, "second");
    until(2);
    EXPECT_THAT(heard_, ElementsAre("1 passed: first", "2 passed: second"));
}

TEST_F(CheckRunnerTest, a_checker_that_does_not_answer_is_reported_and_replaced) {
    timeout_ = std::chrono::milliseconds{1};
    start("never", 1);
    until(1);
    timeout_ = std::chrono::seconds{60};
    start("pass", 2);
    until(2);
    EXPECT_THAT(heard_, ElementsAre("1 errored: checker did not answer", "2 passed: hi"));
    EXPECT_EQ(host_->misbehaviour().unanswered, 1U);
}

TEST_F(CheckRunnerTest, a_cancelled_check_is_not_reported) {
    start("worker", 1);
    host_->checks().cancel(CheckId{1});
    start("pass", 2);
    host_->checks().forget(DaemonKey{1});
    start("pass", 3);
    until(1);
    settle();
    EXPECT_THAT(heard_, ElementsAre("3 passed: hi"));
}

TEST_F(CheckRunnerTest, misbehaviour_is_counted_and_harms_nobody) {
    start("twice", 1);
    until(1);
    start("wrong-type", 2);
    until(2);
    start("throw", 3);
    until(3);
    EXPECT_THAT(heard_, ElementsAre("1 passed: hi", HasSubstr("2 errored: the plugin completed"),
                                    HasSubstr("3 errored: the plugin threw")));
    EXPECT_EQ(host_->misbehaviour().stale, 1U);
    EXPECT_EQ(host_->misbehaviour().wrong_type, 1U);
    EXPECT_EQ(host_->misbehaviour().thrown, 1U);
}

TEST_F(CheckRunnerTest, a_check_that_is_completed_and_refused_did_not_pass) {
    start("both");
    until(1);
    settle();
    EXPECT_THAT(
        heard_,
        ElementsAre(HasSubstr("1 errored: the plugin completed the check, and refused it")));
    EXPECT_EQ(host_->misbehaviour().rejected, 1U);
    EXPECT_EQ(host_->misbehaviour().stale, 0U);
}

TEST_F(CheckRunnerTest, a_completion_after_the_deadline_is_stale_from_its_second_on) {
    timeout_ = std::chrono::milliseconds{1};
    start("late", 1);
    until(1);
    timeout_ = std::chrono::seconds{60};
    start("pass", 2);
    until(2);
    EXPECT_THAT(heard_, ElementsAre("1 errored: checker did not answer", "2 passed: hi"));
    EXPECT_EQ(host_->misbehaviour().unanswered, 1U);
    EXPECT_EQ(host_->misbehaviour().stale, 1U);
}

TEST_F(CheckRunnerTest, a_completion_after_cancel_is_heard_by_nobody) {
    start("late", 1);
    host_->checks().cancel(CheckId{1});
    settle();
    start("pass", 2);
    until(1);
    EXPECT_THAT(heard_, ElementsAre("2 passed: hi"));
    EXPECT_EQ(host_->misbehaviour().stale, 1U);
}

TEST_F(CheckRunnerTest, invented_completions_are_stale_and_the_true_one_counts) {
    start("invented");
    until(1);
    EXPECT_THAT(heard_, ElementsAre("1 passed: hi"));
    EXPECT_EQ(host_->misbehaviour().stale, 4U);
}

TEST_F(CheckRunnerTest, who_was_destroyed_is_never_taken_for_the_next_one) {
    start("leave", 1, "first");
    until(1);
    testing::internal::CaptureStderr();
    start("former", 2, "second");
    until(2);
    const std::string logged = testing::internal::GetCapturedStderr();
    EXPECT_THAT(heard_, ElementsAre("1 passed: first", "2 passed: 10 10 10 10"));
    EXPECT_THAT(logged, HasSubstr("a line of its own"));
    EXPECT_THAT(logged, testing::Not(HasSubstr("a line of nobody's")));
    EXPECT_EQ(host_->misbehaviour(), Misbehaviour{});
}

TEST_F(CheckRunnerTest, a_secret_is_hidden_where_a_message_is_cut) {
    start("pass", 1, R"(", "key": "swordfish)");
    until(1);
    EXPECT_THAT(heard_, ElementsAre("1 passed: " + std::string(1020, '-') + "***"));
}

TEST_F(CheckRunnerTest, measurements_are_passed_on_if_they_are_sound) {
    start("metrics");
    until(1);
    EXPECT_THAT(metrics_, ElementsAre(model::Metric{"a_bytes", 1}, model::Metric{"b", -2.5}));
    EXPECT_EQ(host_->misbehaviour().rejected, 1U);
}

TEST_F(CheckRunnerTest, a_second_check_of_a_daemon_waits_for_nothing) {
    start("never", 1);
    start("pass", 2);
    until(1);
    EXPECT_THAT(heard_, ElementsAre("2 errored: the previous check has not ended yet"));
}

TEST_F(CheckRunnerTest, refused_options_and_unknown_checkers_are_errors) {
    start("pass", 1, "bad");
    platform::CheckRequest request;
    request.check = CheckId{2};
    request.daemon = DaemonKey{2};
    request.checker = "nothing";
    host_->checks().start(request);
    until(2);
    EXPECT_THAT(heard_, ElementsAre(HasSubstr("1 errored: cannot set up probe"),
                                    HasSubstr("2 errored: there is no checker \"nothing\"")));
}

}  // namespace
}  // namespace syspulse::plugin_host
