// What the C++ layer promises: nothing is thrown out of any slot, and every accepted check is
// answered, also one that its author forgot.
#include <gtest/gtest.h>

#include <string>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {
namespace {

TEST(CppLayer, turns_what_a_blocking_check_throws_into_errors) {
    FakePluginHost host{THROWER_BLOCKING_PLUGIN};
    const Done error = host.check("error", 60000);
    EXPECT_EQ(error.status, SYSP_E_DENIED);
    EXPECT_EQ(error.message, "an error of the layer");
    EXPECT_EQ(host.check("odd", 60000).message, "unknown exception");
    EXPECT_EQ(host.check("runtime", 60000).message, "a runtime error");
}

TEST(CppLayer, does_not_begin_a_blocking_check_that_nobody_waits_for) {
    FakePluginHost host{THROWER_BLOCKING_PLUGIN};
    host.hold_workers();
    const sysp_op late = host.start_check("error", 0);
    const sysp_op cancelled = host.start_check("error", 60000);
    host.cancel_check(cancelled);
    host.release_workers();
    EXPECT_TRUE(host.run_until([&] { return host.result(late) && host.result(cancelled); }));
    EXPECT_EQ(host.result(late)->status, SYSP_E_BUSY);
    EXPECT_EQ(host.result(cancelled)->status, SYSP_E_CANCELLED);
}

TEST(CppLayer, refuses_an_instance_whose_constructor_throws) {
    const FakePluginHost host{THROWER_BLOCKING_PLUGIN, {{"/create", "true"}}};
    EXPECT_EQ(host.create_status(), SYSP_E_INTERNAL);
}

TEST(CppLayer, turns_what_an_asynchronous_start_throws_into_errors) {
    FakePluginHost host{THROWER_ASYNCHRONOUS_PLUGIN};
    EXPECT_EQ(host.check("error", 60000).status, SYSP_E_DENIED);
    EXPECT_EQ(host.check("odd", 60000).status, SYSP_E_INTERNAL);
}

TEST(CppLayer, reports_a_completion_that_was_dropped) {
    FakePluginHost host{THROWER_ASYNCHRONOUS_PLUGIN};
    for (const char* target : {"drop", "drop-later"}) {
        const Done done = host.check(target, 60000);
        EXPECT_EQ(done.status, SYSP_E_INTERNAL);
        EXPECT_EQ(done.message, "the checker dropped the check without an answer");
    }
}

TEST(CppLayer, ends_a_check_whose_start_threw_half_way_and_what_it_had_begun) {
    FakePluginHost host{THROWER_ASYNCHRONOUS_PLUGIN};
    for (const char* target : {"half-way", "before"}) {
        EXPECT_EQ(host.check(target, 60000).message, target);
        EXPECT_EQ(host.timer_count(), 0U) << target;
    }
}

TEST(CppLayer, stops_a_watch_whose_callback_throws) {
    FakePluginHost host{THROWER_ASYNCHRONOUS_PLUGIN};
    const sysp_op op = host.start_check("callback", 60000);
    EXPECT_EQ(host.watch_count(), 1U);
    EXPECT_TRUE(host.run_until([&] { return host.watch_count() == 0; }));
    EXPECT_EQ(host.completions(op), 0);
    host.cancel_check(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
}

TEST(CppLayer, lets_nothing_out_of_a_driver) {
    FakePluginHost host{THROWER_DRIVER_PLUGIN};
    FakePluginHost::Spawn spawn;
    spawn.argv = {"true"};
    EXPECT_EQ(host.spawn(1, spawn).status, SYSP_E_INTERNAL);
    EXPECT_EQ(host.recover(1, "run", "token").message, "recover");
    EXPECT_EQ(host.signal(1, SYSP_SIG_TERMINATE).status, SYSP_E_DENIED);
    EXPECT_EQ(host.inspect(1).status, SYSP_E_INTERNAL);
    EXPECT_EQ(host.stats(1).status, SYSP_E_INTERNAL);
    host.release(1);
    host.recreate();
    EXPECT_EQ(host.create_status(), SYSP_OK);
}

FakePluginHost::Spawn program(const std::string& name) {
    FakePluginHost::Spawn spawn;
    spawn.argv = {name};
    return spawn;
}

TEST(CppLayer, tells_the_end_of_a_process_after_its_start_that_is_answered_later) {
    FakePluginHost host{THROWER_LATER_PLUGIN};
    const sysp_op op = host.begin_spawn(1, program("later"));
    EXPECT_FALSE(host.result(op));
    ASSERT_TRUE(host.run_until([&] { return host.result(op).has_value(); }));
    EXPECT_EQ(host.result(op)->pid, 4711);
    const auto exit = host.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 4);
    EXPECT_FALSE(host.end_was_told_before_the_start(1));
}

TEST(CppLayer, answers_a_start_once_however_its_driver_fails) {
    FakePluginHost host{THROWER_LATER_PLUGIN};
    EXPECT_EQ(host.spawn(1, program("refuse")).message, "refused");
    for (const char* how : {"drop", "half-way"}) {
        const sysp_op op = host.begin_spawn(2, program(how));
        ASSERT_NE(op, 0U) << how;
        EXPECT_EQ(host.completions(op), 1) << how;
        EXPECT_EQ(host.result(op)->message, "the driver gave the start up") << how;
    }
}

TEST(CppLayer, lets_a_driver_end_a_start_that_nobody_waits_for) {
    FakePluginHost host{THROWER_LATER_PLUGIN};
    const sysp_op op = host.begin_spawn(1, program("never"));
    host.cancel_spawn(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(host.completions(op), 1);
}

}  // namespace
}  // namespace syspulse::testing
