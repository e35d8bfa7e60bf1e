// What the other commands ask of the manager, print and return.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "cli/completion.hpp"
#include "unit/cli/fake_manager.hpp"

namespace syspulse::cli::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

config::PluginKind posix_driver() {
    config::PluginKind kind;
    kind.name = "posix";
    return kind;
}

TEST(Status, shows_a_table_of_all) {
    World world;
    world.has({{"web", R"("uptime_secs":3725,"restart_count":2)"}});
    world.manager.answers["GET /v1/daemons"].body.insert(
        1, R"({"name":"job","state":"backoff","health_status":"not_configured","pid":null,
               "exit_code":1,"next_restart_at":"2026-01-01T00:00:04.500Z"},)");
    EXPECT_EQ(world.run({"status"}).out,
              "NAME  STATE    HEALTH   PID  UPTIME  RESTARTS  INFO\n"
              "job   backoff  -        -    -       0         restart in 5s; exit code 1\n"
              "web   running  healthy  42   1h 2m   2\n");
}

TEST(Status, of_one_is_told_in_words) {
    World world;
    world.has({{"web", R"("last_check":{"passed":true,"at":"2025-12-31T23:59:58.000Z",
        "message":"200 OK\n","latency_ms":3.25},"tags":["a","b"],"uptime_secs":3725.5,
        "stats":{"memory_bytes":11874304,"cpu_secs":61.5,"tasks":3},"stdout_log":"/l/out",
        "stderr_log":"/l/err","restart_count":2)"}});
    world.manager.answers["GET /v1/daemons/web/spec"] = {200, R"({"command":["sh","-c","it's"],
        "restart_policy":{"policy":"always","max_retries":5,"backoff_base_secs":1.0,
        "backoff_max_secs":300.0},"schedule":{"cron":"0 3 * * *","timezone":"Europe/Berlin"},
        "health_check":{"type":"tcp","target":"localhost:1","interval_secs":30.0,"retries":3}})"};
    world.manager.answers["GET /v1/daemons/web/logs?lines=5&stream=all"] = {200, "one\r\ntwo\n"};
    world.manager.answers["GET /v1/events?daemon=web&lines=100"] = {
        200, R"({"kind":"exit","reason":"exit code 1","at":"2025-12-31T23:00:00.000Z"})"
             "\n"
             R"({"kind":"exit","reason":"SIGKILL","at":"2025-12-31T23:59:00.000Z"})"
             "\n"};
    EXPECT_EQ(world.run({"status", "web"}).out,
              "name:           web\n"
              "state:          running, pid 42, for 1h 2m\n"
              "health:         healthy\n"
              "last check:     passed in 3ms, 2s ago: 200 OK\n"
              "restarts:       2\n"
              "memory:         11.3 MiB\n"
              "cpu time:       1m 1s\n"
              "tasks:          3\n"
              "command:        sh -c 'it'\\''s'\n"
              "health check:   tcp localhost:1, every 30s, 3 failures until unhealthy\n"
              "restart policy: always, at most 5 in a row, after 1s to 5m 0s\n"
              "schedule:       0 3 * * *, Europe/Berlin\n"
              "tags:           a, b\n"
              "logs:           /l/out\n"
              "                /l/err\n"
              "last ends:      SIGKILL, 2025-12-31T23:59:00.000Z (1m 0s ago)\n"
              "                exit code 1, 2025-12-31T23:00:00.000Z (1h 0m ago)\n"
              "last output:    one\n"
              "                two\n");
}

TEST(Status, tells_what_keeps_a_daemon_from_being_checked) {
    World world;
    world.has({{"a", R"("last_check":{"passed":false,"missed":true,"message":"it crashed"})"},
               {"b", R"("last_check":{"passed":false,"missed":false,"message":"refused"})"},
               {"c", R"("options_error":"unknown option \"x\"")"},
               {"d", R"("driver_host":{"state":"restarting","last_error":"it ended"})"},
               {"e", R"("driver_host":{"state":"running","last_error":"it ended"})"}});
    const std::string table = world.run({"status"}).out;
    EXPECT_THAT(table, HasSubstr("cannot be checked: it crashed\n"));
    EXPECT_THAT(table, Not(HasSubstr("refused")));
    EXPECT_THAT(table, HasSubstr("its options do not fit: unknown option \"x\"\n"));
    EXPECT_THAT(table, HasSubstr("the process of its driver is restarting: it ended\n"));
    EXPECT_EQ(table.find("it ended"), table.rfind("it ended")) << table;
    EXPECT_THAT(world.run({"status", "a"}).out,
                HasSubstr("last check: missed in 0ms: it crashed\n"));
}

TEST(Status, as_json_is_an_object_for_one_name_and_else_an_array) {
    World world;
    world.has({{"a", {}}, {"b", {}}});
    const std::string a = R"({"name":"a","state":"running","health_status":"healthy","pid":42})";
    EXPECT_EQ(world.run({"status", "a", "--format", "json"}).out, a + "\n");
    EXPECT_EQ(world.run({"status", "a*", "--format", "json"}).out, "[" + a + "]\n");
    EXPECT_THAT(world.run({"status", "--format", "json"}).out, StartsWith("[" + a + ",{"));
    EXPECT_THAT(world.run({"list", "--format", "json"}).out, StartsWith("[" + a + ",{"));
}

TEST(Status, of_nothing_is_an_empty_array) {
    World world;
    world.has({});
    EXPECT_EQ(world.run({"status", "--format", "json"}).out, "[]\n");
    const Outcome outcome = world.run({"status"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
}

TEST(Status, shows_those_there_are_and_names_those_there_are_not) {
    World world;
    world.has({{"a", {}}});
    const Outcome outcome = world.run({"status", "a", "nope"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_THAT(outcome.out, HasSubstr("a     running"));
    EXPECT_EQ(outcome.err, "syspulse: no daemon named \"nope\"; see: syspulse list\n");
}

TEST(Status, hostile_text_cannot_steer_the_terminal) {
    World world;
    world.has({{"web", R"("last_error":"\u001b[2J","description":"\u001b]0;x\u0007")"}});
    EXPECT_THAT(world.run({"status", "web"}).out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(world.run({"list"}).out, Not(HasSubstr("\x1b")));
}

TEST(Status, is_coloured_on_a_terminal_unless_told_otherwise) {
    World world;
    world.terminal = {true, 100};
    world.has({{"web", {}}});
    EXPECT_THAT(world.run({"status"}).out, HasSubstr("\x1b[32mrunning\x1b[0m"));
    EXPECT_THAT(world.run({"status", "--no-color"}).out, Not(HasSubstr("\x1b")));
}

TEST(List, a_tag_that_nobody_has_gives_an_empty_list) {
    World world;
    world.has({{"a", R"("tags":["x"])"}, {"b", {}}});
    EXPECT_EQ(world.run({"list", "-q", "--tag", "x"}).out, "a\n");
    const Outcome nothing = world.run({"list", "--tag", "y", "--format", "json"});
    EXPECT_EQ(nothing.code, 0);
    EXPECT_EQ(nothing.out, "[]\n");
}

TEST(Answers, that_make_no_sense_are_reported) {
    World world;
    for (const char* nonsense : {"", "not json", "3", "[3]", "{\"daemons\":3}"}) {
        world.manager.answers["GET /v1/daemons"] = {200, nonsense};
        EXPECT_EQ(world.run({"status"}).code, 1) << nonsense;
    }
    world.manager.answers["GET /v1/daemons"] = {500, "not json"};
    EXPECT_EQ(world.run({"status"}).err, "syspulse: the manager answered with status 500\n");
}

TEST(Logs, of_several_carry_the_name) {
    World world;
    world.manager.answers["GET /v1/daemons/web/logs?lines=50&stream=stdout"] = {200, "one\ntwo\n"};
    world.manager.answers["GET /v1/daemons/db/logs?lines=50&stream=stdout"] = {200, "three"};
    EXPECT_EQ(world.run({"logs", "web"}).out, "one\ntwo\n");
    EXPECT_EQ(world.run({"logs", "web", "db"}).out, "web | one\nweb | two\ndb  | three\n");
    EXPECT_EQ(world.run({"logs", "db", "--format", "json"}).out,
              "[{\"daemon\":\"db\",\"line\":\"three\"}]\n");
}

TEST(Logs, lines_of_windows_programs_are_shown_without_their_carriage_return) {
    World world;
    world.manager.answers["GET /v1/daemons/web/logs?lines=50&stream=stdout"] = {
        200, "one\r\n50%\r100%\r\n\r\n"};
    world.manager.answers["GET /v1/daemons/db/logs?lines=50&stream=stdout"] = {200, "three\r"};
    EXPECT_EQ(world.run({"logs", "web"}).out, "one\n50%\r100%\n\n");
    EXPECT_EQ(world.run({"logs", "db"}).out, "three\r\n") << "no end of a line";
    EXPECT_EQ(world.run({"logs", "web", "db"}).out,
              "web | one\nweb | 50%\r100%\nweb | \ndb  | three\r\n");
    EXPECT_EQ(world.run({"logs", "web", "--format", "json"}).out,
              "[{\"daemon\":\"web\",\"line\":\"one\"},{\"daemon\":\"web\",\"line\":\"50%\\r100%\"},"
              "{\"daemon\":\"web\",\"line\":\"\"}]\n");
}

TEST(Logs, a_carriage_return_is_taken_wherever_the_pieces_are_cut) {
    World world;
    world.manager.bytes_per_piece = 1;
    world.manager.answers["GET /v1/daemons/web/logs?lines=50&stream=stdout"] = {
        200, "one\r\n50%\r100%\r\r\n"};
    EXPECT_EQ(world.run({"logs", "web"}).out, "one\n50%\r100%\r\n");
}

TEST(Logs, flags_become_parameters) {
    World world;
    world.manager.answers["GET /v1/daemons/web/logs?lines=3&stream=stderr"] = {200, "a\n"};
    world.manager.answers["GET /v1/daemons/web/logs?stream=all&since=10m&follow=true&marks=true"] =
        {200, "2 m\nb\n"};
    EXPECT_EQ(world.run({"logs", "web", "-n", "3", "--stderr"}).out, "a\n");
    EXPECT_EQ(world.run({"logs", "-f", "web", "--since", "10m", "--all-streams"}).out, "b\n");
    EXPECT_EQ(
        world.run({"logs", "-f", "web", "--since", "10m", "--all-streams", "--format", "json"}).out,
        "{\"daemon\":\"web\",\"line\":\"b\"}\n");
}

TEST(Logs, following_several_ends_when_all_have_ended) {
    World world;
    world.manager.answers["GET /v1/daemons/a/logs?lines=50&stream=stdout&follow=true&marks=true"] =
        {200, "2 m\nx\n"};
    const Outcome outcome = world.run({"logs", "-f", "a", "nope"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(outcome.out, "a    | x\n");
    EXPECT_EQ(outcome.err, "syspulse: nope: no such daemon\n");
}

TEST(Events, say_each_thing_once) {
    World world;
    const std::string head = R"({"id":1,"at":"T","daemon":"web","kind":)";
    world.manager.answers["GET /v1/events?lines=3"] = {
        200, head + R"("exit","exit_code":0,"reason":"exit code 0"})" + "\n" + head +
                 R"("exit","exit_signal":"SIGKILL","reason":"signal SIGKILL"})" + "\n" + head +
                 R"("exit","exit_code":3,"pid":7,"reason":"unknown"})" + "\n"};
    EXPECT_EQ(world.run({"events", "-n", "3"}).out,
              "T web exit: exit code 0\n"
              "T web exit: signal SIGKILL\n"
              "T web exit exit code 3 pid 7: unknown\n");
}

TEST(Events, are_worded_for_people_and_listed_for_programs) {
    World world;
    const std::string event =
        R"({"id":1,"at":"2026-01-01T00:00:00.000Z","daemon":"web","kind":"transition",)"
        R"("from":"running","to":"backoff","reason":"exit code 1","pid":null})";
    world.manager.answers["GET /v1/events?lines=1000"] = {200, event + "\n\n" + event + "\n"};
    const std::string line =
        "2026-01-01T00:00:00.000Z web transition running -> backoff: exit code 1\n";
    EXPECT_EQ(world.run({"events"}).out, line + line);
    const std::string object = event.substr(0, event.size() - 1) + R"(,"daemon_object":{}})";
    world.manager.answers["GET /v1/events?lines=1000&objects=true"] = {200, object + "\n"};
    EXPECT_EQ(world.run({"events", "--format", "json"}).out, "[" + object + "]\n");
    world.manager.answers["GET /v1/events?lines=1000&objects=true"] = {400, "{}"};
    EXPECT_EQ(world.run({"events", "--format", "json"}).out, "[" + event + "," + event + "]\n")
        << "an older manager";
    world.manager.answers["GET /v1/events?follow=true&daemon=web&lines=1000&objects=true"] = {
        200, event + "\n"};
    EXPECT_EQ(world.run({"events", "-f", "--daemon", "web", "--format", "json"}).out, event + "\n");
    EXPECT_EQ(world.run({"events", "web", "-f", "--format", "json"}).out, event + "\n");
    const auto twice = world.run({"events", "web", "--daemon", "web"});
    EXPECT_EQ(twice.code, 2);
    EXPECT_NE(twice.err.find("the daemon is named twice"), std::string::npos) << twice.err;
    EXPECT_EQ(world.run({"events", "web", "db"}).code, 2);
}

TEST(Ping, prints_pong) {
    World world;
    world.manager.answers["GET /v1/ping"] = {200, "{}"};
    EXPECT_EQ(world.run({"ping"}).out, "pong\n");
}

TEST(Shutdown, returns_when_the_manager_is_gone) {
    World world;
    world.manager.answers["POST /v1/shutdown"] = {200, "{}"};
    EXPECT_EQ(world.run({"shutdown", "--keep-running"}).code, 0);
    const auto requests = world.manager.requests();
    EXPECT_EQ(requests.front().body, R"({"keep_running":true})");
    EXPECT_EQ(requests.back().target, "/v1/ping");
}

TEST(Schedule, prints_the_next_times_in_utc) {
    World world;
    EXPECT_EQ(world
                  .run({"schedule", "0 3 * * *", "--timezone", "UTC", "--from",
                        "2026-01-01T05:00:00+01:00", "-n", "2"})
                  .out,
              "2026-01-02T03:00:00Z\n2026-01-03T03:00:00Z\n");
    EXPECT_EQ(world.run({"schedule", "@every 1h", "-n", "1", "--format", "json"}).out,
              "[\"2026-01-01T01:00:00Z\"]\n");
    EXPECT_EQ(world.run({"schedule", "61 * * * *"}).code, 2);
    EXPECT_EQ(world.run({"schedule", "* * * * *", "--from", "yesterday"}).code, 2);
    EXPECT_EQ(world.run({"schedule", "@reboot"}).out, "");
}

TEST(Add, from_the_command_line_sends_one_spec) {
    World world;
    world.manager.answers["POST /v1/daemons"] = {
        201, R"({"added":["web"],"replaced":[],"unchanged":[]})"};
    const Outcome outcome = world.run({"add", "--name", "web", "--env", "A=b=c", "--restart",
                                       "always", "--command", "sh", "-c", "echo \"hi\""});
    EXPECT_EQ(outcome.out, "web: added\n");
    EXPECT_EQ(
        world.manager.requests().at(0).body,
        R"({"daemons":{"web":{"command":["sh","-c","echo \"hi\""],"env":{"A":"b=c"},"restart_policy":"always"}}})");
    EXPECT_EQ(world.run({"add", "--name", "web"}).code, 2);
    EXPECT_EQ(world.run({"add"}).code, 2);
    EXPECT_EQ(world.run({"add", "-f", "x.yaml", "--name", "web", "--command", "a"}).code, 2);
    EXPECT_EQ(world.run({"add", "--name", "web", "--env", "A", "--command", "a"}).code, 2);
}

TEST(Add, a_spec_file_is_checked_here_and_sent_complete) {
    World world;
    world.has({{"db", {}}});
    world.manager.answers["GET /v1/plugins"] = {
        200,
        R"([{"name":"org.syspulse.posix","kinds":[{"kind":"driver","name":"posix","schema":{},"limits":[]}]}])"};
    world.manager.answers["POST /v1/daemons?replace=true"] = {200, R"({"replaced":["web"]})"};
    world.input = "daemons:\n  web:\n    command: [sleep, 10]\n    depends_on: [db]\n";
    const Outcome good = world.run({"add", "--replace", "-f", "-"});
    EXPECT_EQ(good.err, "");
    EXPECT_EQ(good.out, "web: replaced\n");
    EXPECT_THAT(world.manager.requests().at(2).body,
                StartsWith(R"({"daemons":{"web":{"command":["sleep","10"])"));
    world.input = "daemons:\n  web:\n    comand: [sleep]\n";
    const Outcome bad = world.run({"add", "-f", "-"});
    EXPECT_EQ(bad.code, 2);
    EXPECT_THAT(bad.err, HasSubstr("<stdin>:3:5: "));
}

TEST(Validate, reports_every_error_at_once) {
    World world;
    world.plugin_files = PluginFiles{{{posix_driver()}, {}}, "[]"};
    world.input = "daemons:\n  web:\n    command: [a]\n  db:\n    command: [b]\n";
    const Outcome good = world.run({"validate", "-"});
    EXPECT_EQ(good.err, "");
    EXPECT_EQ(good.out, "-: ok (2 daemons)\n");
    world.input = "daemons: {job: {command: [a], schedule: '@daily', restart_policy: always}}\n";
    const Outcome odd = world.run({"validate", "-"});
    EXPECT_EQ(odd.code, 0);
    EXPECT_THAT(odd.err, HasSubstr("warning: job: restart_policy is without effect"));
    world.input = "daemons:\n  web:\n    comand: [a]\n    stop_timeout_secs: no\n";
    const Outcome bad = world.run({"validate", "-"});
    EXPECT_EQ(bad.code, 2);
    EXPECT_EQ(bad.out, "");
    EXPECT_THAT(bad.err, HasSubstr("<stdin>:3:5: "));
    EXPECT_THAT(bad.err, HasSubstr("<stdin>:4:24: "));
    EXPECT_THAT(world.run({"validate", "-", "--format", "json"}).err,
                HasSubstr("\"line\":3,\"column\":5"));
    world.plugin_files->problems = {"cannot load plugin x.so: it is empty"};
    EXPECT_THAT(world.run({"validate", "-"}).err,
                EndsWith("syspulse: warning: cannot load plugin x.so: it is empty\n"));
    EXPECT_EQ(world.run({"validate", "/nonexistent/x.yaml"}).code, 2);
}

TEST(Daemon, options_reach_the_manager) {
    World world;
    EXPECT_EQ(world
                  .run({"--data-dir", "/d", "daemon", "--plugin-dir", "/p", "--plugin-dir", "/q",
                        "--config", "c.yaml", "-v"})
                  .code,
              0);
    ASSERT_TRUE(world.daemon_options);
    EXPECT_EQ(world.daemon_options->data_dir, "/d");
    EXPECT_EQ(world.daemon_options->plugin_dirs.size(), 2U);
    EXPECT_EQ(world.daemon_options->config, "c.yaml");
    EXPECT_TRUE(world.daemon_options->verbose);
}

TEST(Up, takes_files_with_and_without_the_flag) {
    World world;
    world.run({"up", "-f", "a.yaml", "b.yaml", "-f", "c.yaml"});
    ASSERT_TRUE(world.up_options);
    EXPECT_EQ(world.up_options->files.size(), 3U);
    world.run({"up"});
    EXPECT_EQ(world.up_options->files, std::vector<std::filesystem::path>{"syspulse.yaml"});
}

TEST(Usage, errors_are_exit_code_2_in_both_formats) {
    World world;
    const Outcome text = world.run({"statsu"});
    EXPECT_EQ(text.code, 2);
    EXPECT_THAT(text.err,
                StartsWith("syspulse: unknown command \"statsu\"; did you mean \"status\"?"));
    EXPECT_THAT(world.run({"statsu", "--format", "json"}).err,
                StartsWith(R"({"error":{"code":400,"kind":"usage","message":")"));
}

TEST(Help, every_command_has_a_page_with_all_its_options_and_an_example) {
    World world;
    for (const Command* command : all_commands()) {
        const Outcome outcome = world.run({std::string(command->name), "--help"});
        EXPECT_EQ(outcome.code, 0);
        for (const OptionSpec& option : options_of(*command)) {
            EXPECT_THAT(outcome.out, HasSubstr("--" + std::string(option.name)));
        }
        EXPECT_THAT(outcome.out, HasSubstr("Examples:\n  ")) << command->name;
        EXPECT_THAT(world.run({"--help"}).out,
                    HasSubstr("\n  " + std::string(command->name) + " "));
        for (std::istringstream lines(outcome.out); !lines.eof();) {
            std::string line;
            std::getline(lines, line);
            EXPECT_LE(line.size(), 80U) << line;
        }
    }
    EXPECT_EQ(world.run({"--version"}).out, "syspulse 0.1.0\n");
    EXPECT_EQ(world.run({"help", "start"}).out, world.run({"start", "--help"}).out);
}

TEST(Completion, knows_every_command_and_option) {
    for (const std::string& script : {bash_completion(), zsh_completion(), fish_completion()}) {
        for (const Command* command : all_commands()) {
            EXPECT_THAT(script, HasSubstr(command->name));
            for (const OptionSpec& option : options_of(*command)) {
                EXPECT_THAT(script, HasSubstr(option.name));
            }
        }
    }
}

}  // namespace
}  // namespace syspulse::cli::testing
