// Health: thresholds, the start period, silent checkers, and what becoming unhealthy leads to.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using OnUnhealthy = model::HealthCheckSpec::OnUnhealthy;
using Kind = model::RestartPolicy::Kind;

model::DaemonSpec lenient(model::DaemonSpec spec) {
    spec.health_check->on_unhealthy = OnUnhealthy::none;
    return spec;
}

TEST(Health, is_unknown_until_the_first_verdict_and_not_configured_without_a_check) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const DaemonKey plain = e.add(make_spec("plain"));
    e.up(web);
    EXPECT_EQ(e.health(web), Health::unknown);
    EXPECT_EQ(e.health(plain), Health::not_configured);
    e.advance(seconds{0});
    e.checked(web, true);
    EXPECT_EQ(e.health(web), Health::healthy);
    e.stop(web);
    EXPECT_EQ(e.health(web), Health::unknown);
}

TEST(Health, becomes_unhealthy_after_the_retries_in_a_row_and_not_before) {
    Engine e;
    const DaemonKey web = e.add(lenient(with_check(make_spec("web"))));
    e.healthy(web);
    e.next_check(web, false);
    e.next_check(web, false);
    EXPECT_EQ(e.health(web), Health::healthy);
    e.next_check(web, true);
    e.next_check(web, false);
    e.next_check(web, false);
    EXPECT_EQ(e.health(web), Health::healthy);
    e.next_check(web, false);
    EXPECT_EQ(e.health(web), Health::unhealthy);
    EXPECT_EQ(e.state(web), State::running);
    e.next_check(web, true);
    EXPECT_EQ(e.health(web), Health::healthy);
}

TEST(Health, needs_as_many_successes_in_a_row_as_the_threshold_says) {
    Engine e;
    model::DaemonSpec spec = lenient(with_check(make_spec("web")));
    spec.health_check->success_threshold = 3;
    const DaemonKey web = e.add(spec);
    const RequestId request = e.start(web, true);
    e.spawned(web);
    e.next_check(web, true);
    e.next_check(web, true);
    e.next_check(web, false);
    e.next_check(web, true);
    e.next_check(web, true);
    EXPECT_EQ(e.health(web), Health::unknown);
    EXPECT_FALSE(e.answered(request));
    e.next_check(web, true);
    EXPECT_EQ(e.health(web), Health::healthy);
    EXPECT_TRUE(e.done(request));
}

TEST(Health, failures_in_the_start_period_do_not_count) {
    Engine e;
    model::DaemonSpec spec = lenient(with_check(make_spec("web")));
    spec.health_check->start_period = seconds{60};
    const DaemonKey web = e.add(spec);
    e.up(web);
    const Instant begun = e.now().mono;
    e.fail_until_unhealthy(web);
    EXPECT_EQ(e.health(web), Health::unhealthy);
    // The regular checks at 60, 70 and 80 seconds are the first that count.
    EXPECT_EQ(e.now().mono - begun, seconds{80});
}

TEST(Health, once_healthy_the_start_period_is_over) {
    Engine e;
    model::DaemonSpec spec = lenient(with_check(make_spec("web")));
    spec.health_check->start_period = hours{1};
    const DaemonKey web = e.add(spec);
    e.healthy(web);
    e.fail_until_unhealthy(web);
    EXPECT_EQ(e.health(web), Health::unhealthy);
}

TEST(Health, a_daemon_that_comes_up_fast_is_seen_to_be_healthy_fast) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const RequestId request = e.start(web, true);
    e.spawned(web);
    e.advance(seconds{0});
    e.checked(web, false, "connection refused");
    e.advance(milliseconds{100});
    e.checked(web, true);
    EXPECT_TRUE(e.done(request));
}

TEST(Health, early_probes_do_not_make_it_unhealthy) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.up(web);
    for (int i = 0; i < 8; ++i) {
        e.advance(seconds{1});
        e.checked(web, false, "connection refused");
    }
    EXPECT_EQ(e.health(web), Health::unknown);
    EXPECT_EQ(e.state(web), State::running);
}

TEST(Health, a_silent_checker_counts_as_a_failure_and_is_cancelled) {
    Engine e;
    model::DaemonSpec spec = lenient(with_check(make_spec("web")));
    spec.health_check->retries = 1;
    const DaemonKey web = e.add(spec);
    e.healthy(web);
    e.forget_actions();
    e.advance(seconds{10});
    ASSERT_EQ(e.count<StartCheck>(), 1U);
    const CheckId silent = e.all<StartCheck>().front().check;
    e.advance(milliseconds{2999});
    EXPECT_EQ(e.health(web), Health::healthy);
    e.advance(milliseconds{1});
    EXPECT_EQ(e.health(web), Health::unhealthy);
    ASSERT_EQ(e.count<CancelCheck>(), 1U);
    EXPECT_EQ(e.all<CancelCheck>().front().check, silent);
    // Its late answer belongs to nobody.
    e.handle(Checked{web, silent, true, "late", seconds{4}});
    EXPECT_EQ(e.health(web), Health::unhealthy);
}

TEST(Health, a_check_that_could_not_be_made_tells_nothing_about_the_daemon) {
    Engine e;
    model::DaemonSpec spec = lenient(with_check(make_spec("web")));
    spec.health_check->retries = 1;
    const DaemonKey web = e.add(spec);
    e.healthy(web);
    for (int i = 0; i < 3; ++i) {
        e.forget_actions();
        e.advance(seconds{10});
        ASSERT_EQ(e.count<StartCheck>(), 1U) << "the next one comes in its turn";
        const CheckId lost = e.all<StartCheck>().front().check;
        e.handle(Checked{web, lost, false, "the plugin's process was lost", seconds{1}, false});
        EXPECT_EQ(e.health(web), Health::healthy);
        EXPECT_EQ(e.state(web), State::running);
    }
    ASSERT_TRUE(e.view(web).last_check);
    EXPECT_EQ(e.view(web).last_check->message, "the plugin's process was lost");
    EXPECT_TRUE(e.view(web).last_check->missed);
    e.forget_actions();
    e.advance(seconds{10});
    e.handle(Checked{web, e.all<StartCheck>().front().check, false, "refused", seconds{1}});
    EXPECT_EQ(e.health(web), Health::unhealthy);
    EXPECT_FALSE(e.view(web).last_check->missed);
}

TEST(Health, only_one_check_is_outstanding_at_a_time) {
    Engine e;
    model::DaemonSpec spec = lenient(with_check(make_spec("web")));
    spec.health_check->interval = seconds{1};
    spec.health_check->timeout = seconds{10};
    const DaemonKey web = e.add(spec);
    e.up(web);
    e.advance(seconds{10});
    EXPECT_EQ(e.count<StartCheck>(), 1U);
}

TEST(Health, a_check_under_way_is_cancelled_when_the_daemon_stops) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.up(web);
    e.advance(seconds{0});
    e.stop(web);
    EXPECT_EQ(e.count<CancelCheck>(), 1U);
    e.checked(web, false);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_EQ(e.until_deadline(), std::nullopt);
}

TEST(Health, becoming_unhealthy_restarts_gracefully_and_counts) {
    Engine e;
    const DaemonKey web = e.add(with_policy(with_check(make_spec("web")), Kind::on_failure));
    e.healthy(web);
    e.fail_until_unhealthy(web);
    ASSERT_EQ(e.state(web), State::stopping);
    EXPECT_EQ(e.signals(e.run(web)), std::vector<std::string>{"15"});
    // It ends well, and yet it failed: the check said so.
    e.exited(web, ExitStatus::exited(0));
    ASSERT_EQ(e.state(web), State::backoff);
    EXPECT_NE(e.view(web).last_error.find("connection refused"), std::string::npos);
    e.advance(seconds{2});
    e.spawned(web);
    EXPECT_EQ(e.view(web).restart_count, 1U);
    EXPECT_EQ(e.health(web), Health::unknown);
}

TEST(Health, on_unhealthy_restart_wins_over_the_policy_never) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.healthy(web);
    e.fail_until_unhealthy(web);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::backoff);
    e.advance(seconds{2});
    e.spawned(web);
    // An end that has nothing to do with health still follows the policy.
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.state(web), State::failed);
}

TEST(Health, unhealthy_restarts_respect_max_retries) {
    Engine e;
    model::DaemonSpec spec = with_policy(with_check(make_spec("web")), Kind::always);
    spec.restart.max_retries = 1;
    const DaemonKey web = e.add(spec);
    e.healthy(web);
    e.fail_until_unhealthy(web);
    e.exited(web);
    e.advance(seconds{2});
    e.spawned(web);
    e.fail_until_unhealthy(web);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::failed);
}

TEST(Health, a_stop_during_an_unhealthy_restart_wins) {
    Engine e;
    const DaemonKey web = e.add(with_policy(with_check(make_spec("web")), Kind::always));
    e.healthy(web);
    e.fail_until_unhealthy(web);
    const RequestId request = e.stop(web);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_TRUE(e.done(request));
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Health, start_wait_answers_when_unhealthy) {
    Engine e;
    const DaemonKey web = e.add(lenient(with_check(make_spec("web"))));
    const RequestId request = e.start(web, true);
    e.spawned(web);
    EXPECT_FALSE(e.answered(request));
    e.fail_until_unhealthy(web);
    EXPECT_EQ(e.refusal(request), ErrorCode::internal);
    EXPECT_NE(e.refusal_text(request).find("connection refused"), std::string::npos);
}

TEST(Health, start_without_wait_answers_before_the_first_check) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const RequestId request = e.start(web);
    e.spawned(web);
    EXPECT_TRUE(e.done(request));
}

TEST(Health, a_check_that_is_removed_while_under_way_is_cancelled) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    const RequestId request = e.start(web, true);
    e.spawned(web);
    e.advance(seconds{0});
    e.change(web, make_spec("web"));
    EXPECT_EQ(e.count<CancelCheck>(), 1U);
    EXPECT_EQ(e.health(web), Health::not_configured);
    EXPECT_TRUE(e.done(request));
    e.checked(web, false);
    e.advance(hours{1});
    EXPECT_EQ(e.state(web), State::running);
}

TEST(Health, a_check_that_is_added_to_a_running_daemon_begins) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.change(web, with_check(make_spec("web")));
    e.advance(seconds{0});
    e.checked(web, true);
    EXPECT_EQ(e.health(web), Health::healthy);
}

TEST(Health, a_new_spec_with_the_same_check_keeps_the_verdict_and_asks_again) {
    Engine e;
    const DaemonKey web = e.add(with_check(make_spec("web")));
    e.healthy(web);
    e.advance(seconds{10});
    e.forget_actions();
    model::DaemonSpec changed = with_check(make_spec("web"));
    changed.description = "changed";
    e.change(web, changed);
    EXPECT_EQ(e.health(web), Health::healthy);
    e.advance(seconds{0});
    EXPECT_EQ(e.count<StartCheck>(), 1U);
    e.checked(web, true);
    EXPECT_EQ(e.health(web), Health::healthy);
}

}  // namespace
}  // namespace syspulse::engine::test
