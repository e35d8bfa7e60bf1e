// Stopping: asking, killing, killing again, and a stop that meets a spawn under way.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;
using Words = std::vector<std::string>;

TEST(Stop, a_stop_asks_first_and_kills_at_the_timeout) {
    Engine e;
    model::DaemonSpec spec = make_spec("web");
    spec.stop_signal = 2;
    spec.stop_timeout = seconds{5};
    const DaemonKey web = e.add(spec);
    e.up(web);
    const RequestId request = e.stop(web);
    EXPECT_EQ(e.signals(e.run(web)), Words{"2"});
    e.advance(milliseconds{4999});
    EXPECT_EQ(e.signals(e.run(web)), Words{"2"});
    e.advance(milliseconds{1});
    EXPECT_EQ(e.signals(e.run(web)), (Words{"2", "kill"}));
    EXPECT_FALSE(e.answered(request));
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_TRUE(e.done(request));
    e.advance(hours{1});
    EXPECT_EQ(e.state(web), State::stopped);
}

// What history has of signals, the reasons alone.
Words told_of_signals(const Engine& e) {
    Words told;
    for (const AddHistory& line : e.all<AddHistory>())
        if (line.kind == "signal") told.push_back(line.to + ": " + line.reason);
    return told;
}

TEST(Stop, a_signal_that_nobody_confirmed_is_sent_again_and_told) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.stop(web);
    const RunId run = e.run(web);
    e.advance(seconds{10});
    e.handle(SignalFailed{web, run, 15, {ErrorCode::timed_out, "no answer"}});
    EXPECT_EQ(e.signals(run), (Words{"15", "15"}));
    e.handle(SignalFailed{web, run, 15, {ErrorCode::timed_out, "too busy"}});  // At once.
    e.handle(SignalFailed{web, run, 15, {ErrorCode::permission_denied, "not allowed"}});
    e.handle(SignalFailed{web, run, 15, {ErrorCode::not_found, "it has ended"}});
    EXPECT_EQ(e.signals(run), (Words{"15", "15"}));
    e.advance(seconds{20});
    e.handle(SignalFailed{web, run, 15, {ErrorCode::timed_out, "no answer"}});
    EXPECT_EQ(e.signals(run), (Words{"15", "15", "kill"}));
    EXPECT_EQ(told_of_signals(e),
              (Words{"SIGTERM: asked to end",
                     "SIGTERM: nobody knows whether it arrived: no answer; sent again",
                     "SIGTERM: nobody knows whether it arrived: too busy",
                     "SIGTERM: could not be sent: not allowed", "SIGKILL: stop_timeout passed",
                     "SIGTERM: nobody knows whether it arrived: no answer"}));
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_EQ(e.state(web), State::stopped);
}

TEST(Stop, what_became_of_a_signal_to_an_older_run_is_of_no_interest) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RunId old = e.run(web);
    e.stop(web);
    e.exited(web);
    e.up(web);
    e.stop(web);
    e.forget_actions();
    e.handle(SignalFailed{web, old, 15, {ErrorCode::timed_out, "no answer"}});
    EXPECT_TRUE(e.actions().empty());
}

TEST(Stop, a_stop_may_bring_its_own_timeout) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.stop(web, false, seconds{1});
    e.advance(seconds{1});
    EXPECT_EQ(e.signals(e.run(web)), (Words{"15", "kill"}));
}

TEST(Stop, a_forced_stop_kills_at_once_also_after_a_gentle_one) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.stop(web, true);
    EXPECT_EQ(e.signals(e.run(web)), Words{"kill"});
    e.exited(web, ExitStatus::signalled(9));
    e.up(web);
    const RequestId gentle = e.stop(web);
    const RequestId forced = e.stop(web, true);
    EXPECT_EQ(e.signals(e.run(web)), (Words{"15", "kill"}));
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_TRUE(e.done(gentle));
    EXPECT_TRUE(e.done(forced));
}

TEST(Stop, an_undying_process_is_killed_again_and_the_stop_answered) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RequestId request = e.stop(web, true);
    e.advance(milliseconds{9999});
    EXPECT_FALSE(e.answered(request));
    e.advance(milliseconds{1});
    EXPECT_EQ(e.refusal(request), ErrorCode::timed_out);
    EXPECT_EQ(e.signals(e.run(web)), (Words{"kill", "kill"}));
    EXPECT_EQ(e.count<InspectRun>(), 1U);
    e.advance(seconds{10});
    EXPECT_EQ(e.signals(e.run(web)), (Words{"kill", "kill", "kill"}));
    EXPECT_EQ(e.state(web), State::stopping);
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_EQ(e.until_deadline(), std::nullopt);
}

TEST(Stop, a_stop_while_the_spawn_is_outstanding_ends_the_process_when_it_appears) {
    for (const bool force : {false, true}) {
        Engine e;
        const DaemonKey web = e.add(make_spec("web"));
        const RequestId start = e.start(web);
        const RequestId stop = e.stop(web, force);
        EXPECT_EQ(e.refusal(start), ErrorCode::cancelled);
        EXPECT_EQ(e.state(web), State::stopping);
        EXPECT_TRUE(e.signals(e.run(web)).empty());
        e.spawned(web);
        EXPECT_EQ(e.state(web), State::stopping);
        EXPECT_EQ(e.signals(e.run(web)), Words{force ? "kill" : "15"});
        e.exited(web, ExitStatus::signalled(15));
        EXPECT_EQ(e.state(web), State::stopped);
        EXPECT_TRUE(e.done(stop));
    }
}

TEST(Stop, a_stop_while_the_spawn_is_outstanding_ends_when_the_spawn_fails) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.start(web);
    const RequestId stop = e.stop(web);
    e.spawn_failed(web);
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_TRUE(e.done(stop));
    EXPECT_TRUE(e.all_answered());
}

TEST(Stop, an_end_during_a_stop_is_not_restarted_by_policy) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.up(web);
    e.stop(web);
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.state(web), State::stopped);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Stop, a_second_stop_may_shorten_the_patience_of_the_first_but_not_lengthen_it) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.stop(web, false, seconds{20});
    e.advance(seconds{1});
    e.stop(web, false, seconds{60});
    e.stop(web, false, seconds{2});
    e.stop(web);
    e.advance(milliseconds{1999});
    EXPECT_EQ(e.signals(e.run(web)), Words{"15"});
    e.advance(milliseconds{1});
    EXPECT_EQ(e.signals(e.run(web)), (Words{"15", "kill"}));
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_TRUE(e.all_answered());
}

TEST(Stop, a_shorter_patience_also_holds_before_the_signal_is_sent) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.start(web);
    e.stop(web, false, seconds{20});
    e.stop(web, false, seconds{2});
    e.spawned(web);
    e.advance(seconds{2});
    EXPECT_EQ(e.signals(e.run(web)), (Words{"15", "kill"}));
}

TEST(Stop, a_shutdown_leaves_behind_what_cannot_be_killed_and_ends_the_rest) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey stuck = e.add(needing(make_spec("stuck"), {"db"}));
    e.up(db);
    e.up(stuck);
    e.shut_down();
    e.advance(seconds{30});  // stop_timeout
    EXPECT_EQ(e.signals(e.run(stuck)), (Words{"15", "kill"}));
    EXPECT_TRUE(e.signals(e.run(db)).empty());
    e.advance(seconds{10});
    EXPECT_TRUE(e.machine(stuck).abandoned());
    EXPECT_EQ(e.signals(e.run(db)), Words{"15"});
    EXPECT_FALSE(e.finished());
    e.exited(db);
    EXPECT_TRUE(e.finished());
    // The next manager looks for it instead of starting a second copy.
    EXPECT_TRUE(e.machine(stuck).stored().run_live);
    EXPECT_EQ(e.until_deadline(), std::nullopt);
}

TEST(Stop, a_daemon_that_ended_after_all_shows_no_error) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.stop(web, true);
    e.advance(seconds{10});
    EXPECT_FALSE(e.view(web).last_error.empty());
    e.exited(web, ExitStatus::signalled(9));
    EXPECT_TRUE(e.view(web).last_error.empty());
}

}  // namespace
}  // namespace syspulse::engine::test
