// What commands tell beside their result: failures as text or as one error object, exit codes, and
// what is left out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "platform/system_words.hpp"
#include "support/temporary_directory.hpp"
#include "unit/cli/fake_manager.hpp"

namespace syspulse::cli::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Help, examples_are_those_of_the_system) {
    World world;
    for (const char* const command : {"daemon", "upgrade"}) {
        const std::string page = world.run({command, "--help"}).out;
        const bool of_windows = platform::system_words().windows_files;
        EXPECT_EQ(page.find(" C:\\syspulse") != page.npos, of_windows) << page;
        EXPECT_EQ(page.find(" /") != page.npos, !of_windows) << page;
    }
}

TEST(Events, say_when_older_ones_are_left_out) {
    World world;
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += R"({"id":1,"at":"T","daemon":"web","kind":"exit"})"
                "\n";
    world.manager.answers["GET /v1/events?lines=1000"] = {200, many};
    EXPECT_EQ(world.run({"events"}).err,
              "syspulse: these are the last 1000 events; for older ones see the options -n and "
              "--since\n");
    world.manager.answers["GET /v1/events?since=1h&lines=10000"] = {200, many};
    EXPECT_EQ(world.run({"events", "--since", "1h"}).err, "");
}

PluginFiles with_a_driver() {
    config::PluginKind kind;
    kind.name = "posix";
    return PluginFiles{{{kind}, {}}, "[]"};
}

TEST(Service, options_reach_the_manager) {
    World world;
    world.plugin_files = with_a_driver();
    const test::TemporaryDirectory folder;
    const std::string spec = (folder.path() / "c.yaml").string();
    test::write_file(spec, "daemons: {a: {command: [x]}}");
    const Outcome installed = world.run({"--data-dir", "/d", "service", "install", "--name", "two",
                                         "--config", spec, "--plugin-dir", "/p"});
    EXPECT_EQ(installed.code, 0);
    EXPECT_EQ(installed.out,
              "service two: installed; it starts with Windows, and at once with: sc start two\n");
    ASSERT_TRUE(world.service_options);
    EXPECT_EQ(world.service_options->name, "two");
    EXPECT_EQ(world.service_options->daemon.data_dir, "/d");
    EXPECT_EQ(world.service_options->daemon.config, spec);
    EXPECT_EQ(world.service_options->daemon.plugin_dirs.size(), 1U);
    EXPECT_EQ(world.run({"service", "run"}).code, 0);
    EXPECT_EQ(world.service_options->name, "syspulse");
    EXPECT_EQ(world.run({"--format", "json", "service", "uninstall"}).out,
              "{\"service\":\"syspulse\"}\n");
}

TEST(Service, is_not_installed_with_a_spec_file_that_is_not_valid) {
    World world;
    world.plugin_files = with_a_driver();
    const test::TemporaryDirectory folder;
    const std::string missing = (folder.path() / "nosuch.yaml").string();
    const Outcome refused = world.run({"service", "install", "--config", missing});
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr("nosuch.yaml"));
    const std::string bad = (folder.path() / "bad.yaml").string();
    test::write_file(bad, "daemons: {a: {comand: [x]}}");
    EXPECT_EQ(world.run({"service", "install", "--config", bad}).code, 2);
    // What only plugins tell counts, too.
    test::write_file(bad, "daemons: {a: {command: [x], driver: posx, depends_on: [stored]}}");
    const Outcome unknown = world.run({"service", "install", "--config", bad});
    EXPECT_EQ(unknown.code, 2);
    EXPECT_THAT(unknown.err, HasSubstr("bad.yaml:1:37: unknown driver \"posx\""));
    world.plugin_files->try_driver = [](const auto&, const auto&) -> Result<void> {
        return Error{ErrorCode::invalid_argument, "the machine has no such memory"};
    };
    test::write_file(bad, "daemons: {a: {command: [x], driver: posix}}");
    EXPECT_THAT(world.run({"service", "install", "--config", bad}).err,
                HasSubstr("the machine has no such memory"));
    world.plugin_files = Error{ErrorCode::not_found, "no such directory"};
    EXPECT_EQ(world.run({"service", "install", "--config", bad}).code, 1);
    EXPECT_FALSE(world.service_options);
}

TEST(Service, is_installed_with_what_only_its_manager_can_tell) {
    World world;
    world.plugin_files = with_a_driver();
    world.plugin_files->try_driver = [](const auto&, const auto&) -> Result<void> {
        return Error{ErrorCode::permission_denied, "not as this user"};
    };
    const test::TemporaryDirectory folder;
    const std::string spec = (folder.path() / "c.yaml").string();
    test::write_file(spec, "daemons: {a: {command: [x], depends_on: [stored]}}");
    EXPECT_EQ(world.run({"service", "install", "--config", spec}).err, "");
    EXPECT_TRUE(world.service_options);
}

TEST(Service, is_not_quiet_for_good_when_it_is_installed_quietly) {
    World world;
    EXPECT_EQ(world.run({"-q", "service", "install"}).out, "");
    ASSERT_TRUE(world.service_options);
    EXPECT_FALSE(world.service_options->daemon.quiet);
    EXPECT_EQ(world.run({"-q", "service", "run"}).code, 0);
    EXPECT_TRUE(world.service_options->daemon.quiet);
}

TEST(Service, refusals_are_told_with_their_exit_code) {
    World world;
    EXPECT_EQ(world.run({"service"}).code, 2);
    EXPECT_EQ(world.run({"service", "begin"}).code, 2);
    EXPECT_EQ(world.run({"service", "install", "--name", "a b"}).code, 2);
    EXPECT_FALSE(world.service_options);
    world.service_result = Error{ErrorCode::not_found, "there is none"};
    const Outcome missing = world.run({"service", "uninstall"});
    EXPECT_EQ(missing.code, 1);
    EXPECT_EQ(missing.err, "syspulse: there is none\n");
    world.service_result = Error{ErrorCode::already_exists, "there is one"};
    EXPECT_EQ(world.run({"service", "install"}).code, 5);
    world.service_result = Error{ErrorCode::unsupported, "not here"};
    EXPECT_EQ(world.run({"service", "run"}).code, 1);
}

TEST(Ping, of_a_manager_that_does_not_answer_is_3) {
    World world;
    world.manager.silent = true;
    EXPECT_EQ(world.run({"ping"}).code, 3);
    EXPECT_EQ(world.run({"list"}).code, 6);
}

TEST(Shutdown, names_what_the_manager_left_behind) {
    World world;
    world.manager.answers["POST /v1/shutdown"] = {200, R"({"keep_running":false})"};
    const std::string before = R"({"id":1,"at":"T","kind":"manager","to":"started"})"
                               "\n";
    world.manager.answers["GET /v1/events?follow=true&lines=1"] = {
        200, before + R"({"id":2,"at":"T","kind":"manager","to":"left behind",)"
                      R"("reason":"\"web\" (pid 7): it hangs"})"
                      "\n"};
    const Outcome outcome = world.run({"shutdown"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "syspulse: the manager stopped, and left behind what it could not stop: \"web\" (pid "
              "7): it hangs\n");
    world.manager.running = true;
    world.manager.answers["GET /v1/events?follow=true&lines=1"] = {200, before};
    EXPECT_EQ(world.run({"shutdown"}).out, "manager and daemons stopped\n");
}

TEST(Validate, tells_all_errors_with_standard_input_among_the_files) {
    World world;
    world.input = "daemons: {web: {command: [a], nonsense: 1}}\n";
    const Outcome outcome = world.run({"validate", "-", "/no/such.yaml", "/"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("<stdin>:1:"));
    EXPECT_THAT(outcome.err, HasSubstr("/no/such.yaml: cannot read the spec file: No such file"));
    EXPECT_THAT(outcome.err, HasSubstr("/: cannot read the spec file: it is a directory"));
}

TEST(Validate, takes_the_configuration_of_the_manager) {
    World world;
    world.input = "plugins: {http: {isolation: process}}\n";
    const Outcome fine = world.run({"validate", "-"});
    EXPECT_EQ(fine.code, 0) << fine.err;
    EXPECT_EQ(fine.out, "-: ok (0 daemons)\n");
    world.input = "plugins: {http: {isolaton: process}}\n";
    const Outcome wrong = world.run({"validate", "-"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_THAT(wrong.err, HasSubstr("did you mean \"isolation\"?"));
}

TEST(Add, tells_in_words_of_its_options) {
    World world;
    world.manager.answers["POST /v1/daemons"] = {
        400, R"({"error":{"code":400,"kind":"invalid_spec","message":)"
             R"("/daemons/b d: invalid name\n/daemons/b d/restart_policy: unknown policy\n)"
             R"(/daemons/b d/command/0: no\nelsewhere"}})"};
    const Outcome outcome =
        world.run({"add", "--name", "b d", "--restart", "foo", "--command", "a"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err,
              "syspulse: --name: invalid name\n--restart: unknown policy\n--command: "
              "no\nelsewhere\n");
}

TEST(Add, tells_of_one_that_was_replaced_what_is_left_to_do) {
    World world;
    world.manager.answers["POST /v1/daemons?replace=true"] = {200, R"({"replaced":["web"]})"};
    const auto told = [&](const std::string& state, bool changed = false) {
        world.manager.answers["GET /v1/daemons"] = {
            200, R"([{"name":"db","state":"running"},{"name":"web","state":")" + state +
                     R"(","spec_changed":)" + (changed ? "true" : "false") + "}]"};
        return world.run({"add", "--replace", "--name", "web", "--command", "x"}).out;
    };
    EXPECT_EQ(told("running", true), "web: replaced; restart it to apply\n");
    EXPECT_EQ(told("running"), "web: replaced; no restart is needed\n");
    EXPECT_EQ(told("starting"), "web: replaced; it starts with it\n");
    EXPECT_EQ(told("scheduled"), "web: replaced; its next run applies it\n");
    for (const char* state : {"failed", "stopped", "backoff", "stopping"})
        EXPECT_EQ(told(state), "web: replaced; its next start applies it\n") << state;
    world.manager.answers.erase("GET /v1/daemons");
    EXPECT_EQ(world.run({"add", "--replace", "--name", "web", "--command", "x"}).out,
              "web: replaced\n");
}

// What add would refuse.
TEST(Validate, of_a_file_that_everybody_may_write_is_as_add) {
    World world;
    world.plugin_files->known.drivers.emplace_back().name = "posix";
    world.manager.answers["GET /v1/plugins"] = {
        200,
        R"([{"name":"x","kinds":[{"kind":"driver","name":"posix","schema":{},"limits":[]}]}])"};
    world.manager.answers["GET /v1/daemons"] = {200, "[]"};
    world.manager.answers["POST /v1/daemons"] = {201, R"({"added":["a"]})"};
    const test::TemporaryDirectory folder;
    const std::string spec = (folder.path() / "c.yaml").string();
    test::write_file(spec, "daemons: {a: {command: [x]}}");
    EXPECT_EQ(world.run({"validate", spec}).out, spec + ": ok (1 daemon)\n");
    EXPECT_EQ(world.run({"add", "-f", spec}).out, "a: added\n");
    world.may_follow = [](const std::filesystem::path&) -> Result<void> {
        return Error{ErrorCode::permission_denied, "everybody may write it"};
    };
    const Outcome validated = world.run({"validate", spec});
    const Outcome added = world.run({"add", "-f", spec});
    EXPECT_EQ(validated.err, spec + ": cannot use the spec file: everybody may write it\n");
    EXPECT_EQ(validated.err, added.err);
    EXPECT_EQ(validated.code, added.code);
    EXPECT_EQ(validated.out, "");
}

TEST(Logs, say_when_there_is_nothing_as_it_is_not_captured) {
    World world;
    const std::string web = "GET /v1/daemons/web/";
    const std::string told =
        "syspulse: web: its output is not captured, as its spec has log_config: {capture: false}\n";
    const std::string logs = web + "logs?lines=50&stream=stdout";
    world.manager.answers[logs] = {200, ""};
    world.manager.answers[logs + "&follow=true&marks=true"] = {200, ""};
    world.manager.answers[web + "spec"] = {200, R"({"log_config":{"retain_count":5}})"};
    EXPECT_EQ(world.run({"logs", "web"}).err, "");
    EXPECT_EQ(world.run({"logs", "-f", "web"}).err, "");
    world.manager.answers[web + "spec"] = {200, R"({"log_config":{"capture":false}})"};
    EXPECT_EQ(world.run({"logs", "web"}).err, told);
    EXPECT_EQ(world.run({"logs", "web"}).code, 0);
    EXPECT_EQ(world.run({"logs", "-f", "web"}).err, told);
    EXPECT_EQ(world.run({"logs", "web", "--format", "json"}).err, "");
    EXPECT_EQ(world.run({"-q", "logs", "web"}).err, "");
    world.manager.answers[logs] = {200, "kept before\n"};
    EXPECT_EQ(world.run({"logs", "web"}).err, "");
}

TEST(Start, in_vain_points_at_the_logs_of_what_ran) {
    World world;
    world.manager.answers["GET /v1/daemons/web"] = {
        200, R"({"name":"web","state":"failed","exit_code":3})"};
    for (const std::string verb : {"start", "restart"}) {
        world.manager.answers["POST /v1/daemons/web/" + verb] = {
            500, R"({"error":{"code":500,"kind":"internal","message":"web is over"}})"};
        world.manager.answers["GET /v1/daemons/web/spec"] = {200, R"({"log_config":{}})"};
        const Outcome waited = world.run({verb, "--wait", "web"});
        EXPECT_EQ(waited.code, 1);
        EXPECT_EQ(
            waited.err,
            "syspulse: web: web is over\n"
            "syspulse: what was written may say more; see: syspulse logs --all-streams web\n");
        EXPECT_EQ(world.run({verb, "web"}).err, "syspulse: web: web is over\n");
        EXPECT_EQ(world.run({verb, "--wait", "-q", "web"}).err, "syspulse: web: web is over\n");
        EXPECT_THAT(world.run({verb, "--wait", "web", "--format", "json"}).err, EndsWith("}}\n"));
        world.manager.answers["GET /v1/daemons/web/spec"] = {200,
                                                             R"({"log_config":{"capture":false}})"};
        EXPECT_EQ(world.run({verb, "--wait", "web"}).err, "syspulse: web: web is over\n");
    }
    world.manager.answers.erase("GET /v1/daemons/web/spec");
    world.manager.answers["GET /v1/daemons/web"] = {200, R"({"name":"web","state":"failed"})"};
    EXPECT_EQ(world.run({"start", "--wait", "web"}).err, "syspulse: web: web is over\n")
        << "its program could not be begun";
}

TEST(List, by_a_tag_that_nobody_has_says_so) {
    World world;
    world.has({{"web", {}}});
    const Outcome outcome = world.run({"list", "--tag", "zzz"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "no daemon has the tag \"zzz\"\n");
}

TEST(Info, leaves_out_what_no_plugin_did_wrong) {
    World world;
    world.manager.answers["GET /v1/info"] = {
        200, R"({"pid":7,"misbehaviour":{"slow_calls":2,"exceptions":0}})"};
    const std::string out = world.run({"info"}).out;
    EXPECT_THAT(out, HasSubstr("misbehaviour.slow_calls"));
    EXPECT_EQ(out.find("exceptions"), std::string::npos);
}

TEST(Init, writes_to_standard_output_for_a_dash) {
    World world;
    EXPECT_THAT(world.run({"init", "-"}).out, HasSubstr("daemons:"));
    EXPECT_FALSE(std::filesystem::exists("-"));
}

TEST(Init, needs_the_name_of_a_file) {
    World world;
    const Outcome outcome = world.run({"init", "no such/"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("cannot write no such/: it ends as the path of a directory "
                                       "does; name the file, as in no such/syspulse.yaml"));
}

TEST(Upgrade, to_a_program_that_is_not_there_is_no_missing_daemon) {
    World world;
    world.manager.answers["POST /v1/upgrade"] = {
        404, R"({"error":{"code":404,"kind":"not_found","message":"cannot read /nope"}})"};
    EXPECT_EQ(world.run({"upgrade", "/nope"}).code, 1);
}

TEST(Status, tells_of_a_declaration_that_a_restart_applies) {
    World world;
    world.has({{"web", R"("spec_changed":true)"}, {"db", {}}});
    EXPECT_THAT(world.run({"status"}).out, HasSubstr("changed since it was started"));
    EXPECT_THAT(world.run({"status", "web"}).out, HasSubstr("restart it to apply"));
    EXPECT_EQ(world.run({"status", "db"}).out.find("restart it to apply"), std::string::npos);
}

TEST(Status, names_one_only_when_quiet) {
    World world;
    world.has({{"web", {}}});
    EXPECT_EQ(world.run({"-q", "status", "web"}).out, "web\n");
}

TEST(Spec, of_several_is_what_add_takes) {
    World world;
    world.has({{"web", {}}, {"api", {}}});
    world.manager.answers["GET /v1/daemons/web/spec"] = {200, R"({"command":["a"]})"
                                                              "\n"};
    world.manager.answers["GET /v1/daemons/api/spec"] = {200, R"({"command":["b"]})"
                                                              "\n"};
    EXPECT_EQ(world.run({"spec", "web", "--format", "json"}).out, R"({"command":["a"]})"
                                                                  "\n");
    EXPECT_EQ(world.run({"spec", "w*", "--format", "json"}).out,
              R"({"daemons":{"web":{"command":["a"]}}})"
              "\n");
    EXPECT_EQ(world.run({"spec", "--all", "--format", "json"}).out,
              R"({"daemons":{"web":{"command":["a"]},"api":{"command":["b"]}}})"
              "\n");
    const Outcome missing = world.run({"spec", "web", "nope", "--format", "json"});
    EXPECT_EQ(missing.code, 4);
    EXPECT_EQ(missing.out, R"({"daemons":{"web":{"command":["a"]}}})"
                           "\n");
}

TEST(Up, tells_a_program_that_a_daemon_failed) {
    World world;
    world.up_code = 1;
    const Outcome outcome = world.run({"up", "--format", "json"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, StartsWith(R"({"error":{"code":500,"kind":"daemon_failed",)"));
    EXPECT_EQ(world.run({"up"}).err, "");
}

}  // namespace
}  // namespace syspulse::cli::testing
