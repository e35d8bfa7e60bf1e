// The commands about plugins: what they show of the manager's and of files, and how they fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/cli/fake_manager.hpp"

namespace syspulse::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Plugin, is_asked_of_the_manager_or_of_the_files) {
    World world;
    const std::string plugin = R"({"name":"org.x","version":"1.0","state":"loaded","path":"/p.so",)"
                               R"("kinds":[{"kind":"driver","name":"posix"}]})";
    world.plugin_files = PluginFiles{{}, "[" + plugin + "]"};
    world.manager.answers["GET /v1/plugins"] = {200, "[]"};
    EXPECT_EQ(world.run({"plugin", "list", "--format", "json"}).out, "[]\n");
    EXPECT_EQ(world.run({"plugin", "info", "posix", "--plugin-dir", "/p", "--format", "json"}).out,
              plugin + "\n");
    world.manager.running = false;
    EXPECT_EQ(world.run({"plugin", "list"}).out,
              "NAME   VERSION  PROVIDES      ISOLATION  STATE   PATH\n"
              "org.x  1.0      driver posix             loaded  /p.so\n");
    const Outcome unknown = world.run({"plugin", "info", "posx"});
    EXPECT_EQ(unknown.code, 1);
    EXPECT_THAT(unknown.err, HasSubstr("--plugin-dir DIR looks into another directory"));
    EXPECT_EQ(world.run({"plugin", "info"}).code, 2);
}

TEST(Plugin, info_shows_the_process_of_an_isolated_one) {
    World world;
    world.manager.answers["GET /v1/plugins"] = {
        200, R"([{"name":"org.x","state":"loaded","path":"/p.so","isolation":"process","kinds":[],)"
             R"("file_changed":true,"host":{"state":"running","pid":17,"restarts":2,)"
             R"("last_error":"it ended with signal SIGSEGV",)"
             R"("last_error_at":"2025-12-31T23:55:00.000Z"}}])"};
    const Outcome shown = world.run({"plugin", "info", "org.x"});
    EXPECT_THAT(shown.out, HasSubstr("isolation:    process\n"));
    EXPECT_THAT(shown.out,
                HasSubstr("process:      running, pid 17, replaced 2 times, last 5m 0s ago: it "
                          "ended with signal SIGSEGV\n"));
    EXPECT_THAT(shown.out, HasSubstr("file changed: since it was loaded"));
}

TEST(Plugin, what_is_over_is_not_shown_as_if_it_were_not) {
    World world;
    const auto told = [&world](const std::string& state, int restarts) {
        world.manager.answers["GET /v1/plugins"] = {
            200, R"([{"name":"org.x","state":"loaded","path":"/p.so","isolation":"process",)"
                 R"("kinds":[],"host":{"state":")" +
                     state + R"(","pid":17,"restarts":)" + std::to_string(restarts) +
                     R"(,"last_error":"it ended","last_error_at":"2025-12-31T23:55:00.000Z"}}])"};
        return world.run({"plugin", "list"}).out + world.run({"plugin", "info", "org.x"}).out;
    };
    EXPECT_THAT(told("running", 1), HasSubstr("loaded, running as 17 (replaced once)  /p.so\n"));
    EXPECT_THAT(told("running", 1), HasSubstr("pid 17, replaced once 5m 0s ago: it ended\n"));
    EXPECT_THAT(told("running", 3), HasSubstr("running as 17 (replaced 3 times)"));
    EXPECT_THAT(told("failed", 3), HasSubstr("failed as 17 (last: it ended)"));
    EXPECT_THAT(told("failed", 3), HasSubstr("replaced 3 times; last error: it ended\n"));
}

TEST(Plugin, list_shows_the_process_of_an_isolated_one) {
    World world;
    world.manager.answers["GET /v1/plugins"] = {
        200, R"([{"name":"org.x","version":"1.0","state":"loaded","path":"/p.so","isolation":)"
             R"("process","host":{"state":"restarting","pid":null,"restarts":3,"last_error":)"
             R"("it ended with signal SIGSEGV"},"kinds":[]}])"};
    const std::string out = world.run({"plugin", "list"}).out;
    EXPECT_THAT(out, HasSubstr("process"));
    EXPECT_THAT(out, HasSubstr("loaded, restarting (last: it ended with signal SIGSEGV)"));
}

TEST(Plugin, reload_asks_the_manager) {
    World world;
    world.manager.answers["POST /v1/plugins/org.x/reload"] = {200, R"({"reloaded":"org.x"})"};
    EXPECT_EQ(world.run({"plugin", "reload", "org.x"}).out, "org.x: reloaded\n");
    EXPECT_EQ(world.manager.requests().back().body, "");
    EXPECT_EQ(world.run({"plugin", "reload", "org.x", "--force"}).out, "org.x: reloaded\n");
    EXPECT_EQ(world.manager.requests().back().body, R"({"force":true})");
    EXPECT_EQ(world.run({"plugin", "reload"}).code, 2);
}

TEST(Plugin, check_shows_what_the_kit_finds_and_fails_with_it) {
    World world;
    world.check_plugin = [](const conformance::KitOptions& options, const auto& found) {
        EXPECT_EQ(options.plugin, "x.so");
        EXPECT_EQ(options.level, 4);
        found({"M01", "", 1, "pass", "", 0.5});
        found({"H02", "checker x", 3, "hang", "no completion", 1});
        return Result<void>();
    };
    const auto done = world.run({"plugin", "check", "x.so", "--level", "4"});
    EXPECT_EQ(done.code, 1);
    EXPECT_EQ(done.out, "M01  pass  \nH02  hang  checker x: no completion\n1 pass, 1 hang\n");
    const auto json = world.run({"plugin", "check", "x.so", "--level", "4", "--json"}).out;
    EXPECT_THAT(json, testing::HasSubstr(R"("item":"H02","kind":"checker x","level":3)"));
    EXPECT_EQ(world.run({"plugin", "check"}).code, 2);
}

TEST(Plugin, check_tells_once_why_items_were_skipped) {
    World world;
    world.check_plugin = [](const conformance::KitOptions&, const auto& found) {
        const auto skip = [&](const char* item, const char* kind, const char* why) {
            found({item, kind, 3, "skip", why, 0});
        };
        skip("C04", "checker x", "nothing is invalid");
        for (const char* item : {"H04", "H05", "H06", "H08", "H09", "X01"})
            skip(item, "checker x", "no target");
        found({"S01", "", 3, "pass", "", 0});
        skip("C04", "checker y", "nothing is invalid");
        return Result<void>();
    };
    EXPECT_EQ(world.run({"plugin", "check", "x.so"}).out,
              "S01  pass  \n"
              "C04  skip  checker x: nothing is invalid\n"
              "H04-H06, H08, H09, X01 (6 items)  skip  checker x: no target\n"
              "C04  skip  checker y: nothing is invalid\n"
              "1 pass, 8 skip\n");
}

TEST(Plugin, that_is_not_there_is_no_missing_daemon) {
    World world;
    world.manager.answers["GET /v1/plugins"] = {200, "[]"};
    EXPECT_EQ(world.run({"plugin", "info", "nosuch"}).code, 1);
    world.check_plugin = [](const conformance::KitOptions&, const auto&) {
        return Result<void>(Error{ErrorCode::not_found, "there is no file /missing.so"});
    };
    EXPECT_EQ(world.run({"plugin", "check", "/missing.so"}).code, 1);
}

TEST(Plugin, check_tells_a_program_of_violations_as_an_error) {
    World world;
    world.check_plugin = [](const conformance::KitOptions&, const auto& found) {
        conformance::Finding finding;
        finding.item = "M1";
        finding.status = "fail";
        found(finding);
        return Result<void>();
    };
    const Outcome outcome = world.run({"plugin", "check", "./x.so", "--format", "json"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, StartsWith(R"({"plugin":"./x.so")"));
    EXPECT_THAT(outcome.err, StartsWith(R"({"error":{"code":500,"kind":"violated",)"));
    EXPECT_EQ(world.run({"plugin", "check", "--explain", "M1", "--format", "json"}).out,
              R"({"item":"M1","text":"M1"})"
              "\n");
}

TEST(Plugin, check_waits_as_long_as_it_is_told_to) {
    World world;
    int scale = 0;
    world.check_plugin = [&](const conformance::KitOptions& options, const auto&) {
        scale = options.deadline_scale;
        return Result<void>();
    };
    EXPECT_EQ(world.run({"plugin", "check", "x.so"}).code, 0);
    EXPECT_EQ(scale, 1);
    EXPECT_EQ(world.run({"plugin", "check", "x.so", "--deadline-scale", "10"}).code, 0);
    EXPECT_EQ(scale, 10);
    for (const char* wrong : {"0", "101", "1000"}) {
        const auto refused = world.run({"plugin", "check", "x.so", "--deadline-scale", wrong});
        EXPECT_EQ(refused.code, 2);
        EXPECT_THAT(refused.err, HasSubstr(std::string("--deadline-scale: \"") + wrong +
                                           "\" is not a whole number from 1 to 100"));
    }
}

TEST(Plugin, check_knows_five_levels) {
    World world;
    for (const char* wrong : {"0", "6", "x", "-1", ""}) {
        const auto refused = world.run({"plugin", "check", "x.so", "--level", wrong});
        EXPECT_EQ(refused.code, 2);
        EXPECT_THAT(refused.err, HasSubstr(std::string("--level: \"") + wrong +
                                           "\" is not a whole number from 1 to 5"));
    }
}

TEST(Plugin, each_word_has_its_number_of_arguments) {
    World world;
    const auto refusal = [&world](const std::vector<std::string>& words) {
        const auto refused = world.run(words);
        EXPECT_EQ(refused.code, 2) << refused.err;
        return refused.err;
    };
    EXPECT_THAT(refusal({"plugin", "check", "a.so", "b.so"}),
                HasSubstr("unexpected argument \"b.so\": plugin check looks at one file"));
    EXPECT_THAT(refusal({"plugin", "check"}), HasSubstr("plugin check needs FILE"));
    EXPECT_THAT(refusal({"plugin", "check", "--explain", "H07", "a.so"}),
                HasSubstr("unexpected argument \"a.so\": --explain looks at no file"));
    EXPECT_THAT(refusal({"plugin", "info"}), HasSubstr("plugin info needs NAME"));
    EXPECT_THAT(refusal({"plugin", "info", "a", "b"}),
                HasSubstr("unexpected argument \"b\": plugin info takes one NAME"));
    EXPECT_THAT(refusal({"plugin", "list", "a"}),
                HasSubstr("unexpected argument \"a\": plugin list takes none"));
}

TEST(Plugin, items_may_be_written_small) {
    World world;
    std::vector<std::string> only;
    world.check_plugin = [&only](const conformance::KitOptions& options, const auto&) {
        only = options.only;
        return Result<void>();
    };
    EXPECT_EQ(world.run({"plugin", "check", "x.so", "--only", "h01", "--only", "M02"}).code, 0);
    EXPECT_EQ(only, (std::vector<std::string>{"H01", "M02"}));
    EXPECT_EQ(world.run({"plugin", "check", "--explain", "h07"}).out,
              world.run({"plugin", "check", "--explain", "H07"}).out);
}

TEST(Plugin, info_knows_drivers_and_checkers_that_are_spelt_nearly_so) {
    World world;
    world.manager.answers["GET /v1/plugins"] = {
        200, R"([{"name":"org.x","state":"loaded","path":"/p.so","isolation":"process",)"
             R"("kinds":[{"kind":"driver","name":"posix"}]}])"};
    const auto refused = world.run({"plugin", "info", "posxi"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("did you mean \"posix\"?"));
}

}  // namespace
}  // namespace syspulse::cli::testing
