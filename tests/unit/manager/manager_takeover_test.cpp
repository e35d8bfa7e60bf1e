// How a new manager takes over what the last one left, while it serves requests.
#include <algorithm>
#include <functional>

#include "unit/manager/conductor_fixture.hpp"

namespace syspulse::manager {
namespace {

using ManagerTakeover = ManagerConductor;

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
        boot(true);
        EXPECT_EQ(state("a"), State::running) << "as it was";
        Answer stopped;
        if (asked_to_stop) {
            conductor_->stop("a", false, std::nullopt, "tester", stopped.callback());
        } else {
            pass(milliseconds{3});
            EXPECT_EQ(state("a"), State::running);
        }
        pass(seconds{5});
        EXPECT_EQ(state("a"), asked_to_stop ? State::stopped : State::running);
        EXPECT_EQ(stopped.done(), asked_to_stop);
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
