// What follows goes on with the next manager.
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/cli/fake_manager.hpp"

namespace syspulse::cli::testing {
namespace {

TEST(Logs, of_an_older_manager_are_followed_without_marks) {
    World world;
    const std::string target = "GET /v1/daemons/a/logs?lines=50&stream=stdout&follow=true";
    world.manager.answers[target + "&marks=true"] = {400, "{}"};
    world.manager.answers[target] = {200, "x\n"};
    const Outcome outcome = world.run({"logs", "-f", "a"});
    EXPECT_EQ(outcome.out, "x\n");
    EXPECT_EQ(outcome.code, 0);
}

TEST(Logs, go_on_with_the_next_manager_where_the_last_one_was_cut_off) {
    World world;
    const std::string target = "GET /v1/daemons/a/logs?";
    world.manager.answers[target + "lines=50&stream=stdout&follow=true&marks=true"] = {
        200, "0 m0\n5 m1\none\nt9 m2\ncut "};
    world.manager.answers[target + "stream=stdout&follow=true&marks=true&from=m1"] = {
        200, "4 m3\nwo\n\n"};
    world.manager.cut_off = 1;
    const Outcome outcome = world.run({"logs", "-f", "a", "--format", "json"});
    EXPECT_EQ(outcome.out,
              "{\"daemon\":\"a\",\"line\":\"one\"}\n{\"daemon\":\"a\",\"line\":\"two\"}\n"
              "{\"daemon\":\"a\",\"line\":\"\"}\n");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST(Logs, are_not_followed_for_ever_when_no_manager_comes_back) {
    World world;
    world.manager.answers["GET /v1/daemons/a/logs?lines=50&stream=stdout&follow=true&marks=true"] =
        {200, "2 m\nx\n"};
    world.manager.cut_off = 1;
    world.manager.ends_when_cut_off = true;
    const Outcome outcome = world.run({"logs", "-f", "a"});
    EXPECT_EQ(outcome.out, "x\n");
    EXPECT_EQ(outcome.code, 3);
    EXPECT_NE(outcome.err.find("no other one has come within 10 s"), std::string::npos);
    world.manager.cut_off = 0;
    const auto for_logs = [&] {
        const std::vector<Request> all = world.manager.requests();
        return std::ranges::count_if(
            all, [](const Request& r) { return r.target.find("/logs?") != std::string::npos; });
    };
    const auto before = for_logs();
    EXPECT_EQ(world.run({"logs", "-f", "a"}).code, 3);
    EXPECT_EQ(for_logs(), before + 1) << "none that was never there";
}

TEST(Events, go_on_with_the_next_manager_after_the_last_one_that_came) {
    World world;
    const std::string rest = R"(,"at":"T","daemon":"web","kind":"check"})";
    const std::string target = "GET /v1/events?follow=true";
    world.manager.answers[target + "&lines=0"] = {200, ""};
    world.manager.answers[target + "&since=2026-01-01T00%3A00%3A00.000Z&lines=10000"] = {
        200, "{\"id\":4" + rest + "\n{\"id\":5" + rest + "\n{\"id\":6,\"a"};
    world.manager.answers[target + "&after=5&lines=10000"] = {200, "{\"id\":6" + rest + "\n"};
    world.manager.cut_off = 2;
    const Outcome outcome = world.run({"events", "-f", "-n", "0"});
    EXPECT_EQ(outcome.out, "T web check\nT web check\nT web check\n");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
}

}  // namespace
}  // namespace syspulse::cli::testing
