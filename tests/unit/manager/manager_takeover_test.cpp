// How a new manager takes over what the last one left, while it serves requests.
#include <algorithm>
#include <functional>
#include <optional>

#include "unit/manager/conductor_fixture.hpp"

namespace syspulse::manager {
namespace {

using ManagerTakeover = ManagerConductor;

// A parent of processes that no manager sees ending, which tells of ends when the test says so.
class Ends : public ManagerConductor {
  protected:
    Ends() {
        adjust_ = [this](ConductorOptions& options) {
            options.run_begun = [this](RunId run) { return run <= last_begun_; };
            options.ask_for_ends = [this] { ++questions_; };
            options.ends_told = [this] { return told_; };
            options.exit_seen = [this](RunId, std::int64_t) { return recorded_; };
        };
        boot();
    }
    // The manager dies, then the daemon's process, and the next manager comes.
    void end_unseen(const std::string& name) {
        const RunId run = processes_run(name);
        conductor_.reset();
        world_.detach();
        world_.exit_now(run, ExitStatus::unknown());
        boot();
    }
    std::optional<ExitStatus> last_exit(const std::string& name) {
        return conductor_->view(name).value().last_exit;
    }

    RunId last_begun_{1000};
    int questions_ = 0;
    bool told_ = false;
    std::optional<ExitStatus> recorded_;
};

TEST_F(Ends, one_that_is_to_be_told_is_waited_for) {
    add("a");
    start("a");
    end_unseen("a");
    pass(std::chrono::minutes{10});
    EXPECT_EQ(questions_, 1);
    EXPECT_EQ(state("a"), State::starting) << "nobody has said how it ended";
    recorded_ = ExitStatus::exited(7);
    told_ = true;
    pass(seconds{1});
    EXPECT_EQ(last_exit("a"), ExitStatus::exited(7));
    EXPECT_EQ(state("a"), State::failed);
}

TEST_F(Ends, one_that_is_known_is_not_waited_for) {
    add("a");
    start("a");
    recorded_ = ExitStatus::exited(7);
    end_unseen("a");
    pass(seconds{1});
    EXPECT_EQ(last_exit("a"), ExitStatus::exited(7)) << "the next question may take long";
}

TEST_F(Ends, one_that_the_driver_could_not_read_is_waited_for) {
    add("a");
    start("a");
    world_.exit_now(processes_run("a"), ExitStatus::unknown());
    pass(std::chrono::minutes{10});
    EXPECT_EQ(state("a"), State::running);
    recorded_ = ExitStatus::exited(7);
    told_ = true;
    pass(seconds{1});
    EXPECT_EQ(last_exit("a"), ExitStatus::exited(7));
}

TEST_F(Ends, one_of_which_nobody_knows_is_unknown) {
    add("a");
    start("a");
    told_ = true;
    world_.exit_now(processes_run("a"), ExitStatus::unknown());
    pass(seconds{1});
    EXPECT_EQ(last_exit("a"), ExitStatus::unknown());
}

TEST_F(Ends, one_that_nobody_tells_holds_up_no_shutdown_for_ever) {
    add("a");
    start("a");
    end_unseen("a");
    bool finished = false;
    conductor_->on_finished([&] { finished = true; });
    conductor_->shut_down(false, false);
    pass(seconds{5});
    EXPECT_FALSE(finished);
    pass(seconds{15});
    EXPECT_TRUE(finished);
}

TEST_F(Ends, of_a_run_that_was_not_begun_is_not_looked_for) {
    add("a");
    start("a");
    std::size_t looks = 0;
    world_.on_recover = [&](const platform::RecoverRequest&) { ++looks; };
    last_begun_ = RunId{processes_run("a").value - 1};
    end_unseen("a");
    pass(seconds{1});
    EXPECT_EQ(looks, 0U);
    EXPECT_EQ(questions_, 0);
    EXPECT_NE(state("a"), State::starting);
}

TEST_F(ManagerTakeover, recoveries_come_in_slices_and_requests_are_served_in_between) {
    std::vector<model::DaemonSpec> specs;
    for (int i = 0; i < 50; ++i) specs.push_back(make_spec("d" + std::to_string(i)));
    ASSERT_TRUE(conductor_->add(specs, false, "tester").has_value());
    for (const auto& spec : specs)
        conductor_->start(spec.name, false, std::nullopt, "", [](const Result<void>&) {});
    pass(seconds{5});
    std::size_t recovered = 0, most_at_once = 0, at_once = 0;
    world_.on_recover = [&](const platform::RecoverRequest&) {
        ++recovered;
        most_at_once = std::max(most_at_once, ++at_once);
    };
    // Runs beside the slices and counts each anew.
    std::function<void()> beside = [&] {
        at_once = 0;
        if (recovered < 50) loop_.post(beside);
    };
    loop_.post(beside);
    boot();
    pass(seconds{5});
    EXPECT_EQ(recovered, 50U);
    EXPECT_LE(most_at_once, 8U);
    for (const auto& spec : specs) EXPECT_EQ(state(spec.name), State::running);
}

TEST_F(ManagerTakeover, a_manager_that_replaces_a_dead_one_answers_before_it_looks_for_daemons) {
    for (const bool asked_to_stop : {false, true}) {
        add("a");
        start("a");
        std::size_t recovered = 0;
        world_.on_recover = [&](const platform::RecoverRequest&) { ++recovered; };
        boot(true);
        EXPECT_EQ(state("a"), State::starting) << "nobody knows yet whether it runs";
        Answer stopped;
        if (asked_to_stop) {
            conductor_->stop("a", false, std::nullopt, "tester", stopped.callback());
        } else {
            pass(milliseconds{3});
            EXPECT_EQ(state("a"), State::starting);
            EXPECT_EQ(recovered, 0U);
        }
        pass(seconds{5});
        EXPECT_EQ(state("a"), asked_to_stop ? State::stopped : State::running);
        EXPECT_EQ(stopped.done(), asked_to_stop);
        EXPECT_EQ(recovered, 1U);
        world_.on_recover = nullptr;
        EXPECT_EQ(world_.live_count("a"), asked_to_stop ? 0U : 1U);
        Answer removed;
        conductor_->remove("a", true, "tester", removed.callback());
        pass(seconds{5});
        ASSERT_TRUE(removed.done());
    }
}

// Left on purpose, they go on; where everything was killed, the system starts anew.
TEST_F(ManagerTakeover, autostart_holds_unless_the_last_manager_left_its_daemons_on_purpose) {
    for (const bool on_purpose : {true, false}) {
        const std::string name = on_purpose ? "kept" : "killed";
        model::DaemonSpec spec = make_spec(name);
        spec.autostart = true;
        ASSERT_TRUE(conductor_->add({spec}, true, "tester").has_value());
        start(name);
        Answer stopped;
        conductor_->stop(name, true, std::nullopt, "tester", stopped.callback());
        add("other-" + name);
        start("other-" + name);
        ASSERT_EQ(state(name), State::stopped);
        if (on_purpose) {
            conductor_->shut_down(true, false);
            pass(seconds{1});
        }
        boot();
        pass(seconds{5});
        EXPECT_EQ(state(name), on_purpose ? State::stopped : State::running);
        EXPECT_FALSE(journal_.load()->daemons_left) << "it holds for one start";
    }
}

}  // namespace
}  // namespace syspulse::manager
