// start, stop, restart, signal and remove: one request per daemon, many at once, the worst exit
// code.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>

#include "cli/commands/lifecycle.hpp"
#include "cli/concurrent.hpp"
#include "unit/cli/fake_manager.hpp"

namespace syspulse::cli::testing {
namespace {

Response error(int status, const std::string& kind, const std::string& message) {
    return {status, R"({"error":{"code":)" + std::to_string(status) + R"(,"kind":")" + kind +
                        R"(","message":")" + message + "\"}}"};
}

TEST(Start, tells_the_pid) {
    World world;
    world.manager.answers["POST /v1/daemons/web/start"] = {
        200, R"({"name":"web","state":"running","pid":7})"};
    const Outcome outcome = world.run({"start", "web"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "web: started (pid 7)\n");
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(world.manager.requests().at(0).body, "{}");
}

TEST(Start, waits_when_asked_to) {
    World world;
    world.manager.answers["POST /v1/daemons/web/start"] =
        error(504, "timed_out", "web is not healthy yet");
    EXPECT_EQ(world.run({"start", "--wait", "--timeout", "2.5", "web"}).code, 6);
    EXPECT_EQ(world.manager.requests().at(0).body, R"({"wait":true,"timeout_secs":2.5})");
    world.run({"start", "--wait", "web"});
    // After a look at what came of the first.
    EXPECT_EQ(world.manager.requests().at(2).body, R"({"wait":true,"timeout_secs":60})");
}

TEST(Start, a_name_that_is_not_there_is_exit_code_4) {
    World world;
    const Outcome outcome = world.run({"start", "nope"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "syspulse: nope: no such daemon\n");
}

TEST(Start, without_a_manager_is_exit_code_3_and_says_how_to_start_one) {
    World world;
    world.manager.running = false;
    for (const auto& words : {std::vector<std::string>{"start", "web"},
                              {"start", "--all"},
                              {"status"},
                              {"status", "web"},
                              {"list"},
                              {"logs", "web"},
                              {"events"},
                              {"ping"},
                              {"info"},
                              {"shutdown"},
                              {"remove", "web"},
                              {"signal", "web", "HUP"},
                              {"spec", "web"}}) {
        const Outcome outcome = world.run(words);
        EXPECT_EQ(outcome.code, 3) << words[0];
        EXPECT_NE(outcome.err.find("syspulse daemon"), std::string::npos) << words[0];
        EXPECT_EQ(outcome.out, "") << words[0];
    }
}

TEST(Stop, several_are_told_in_order_and_the_worst_code_wins) {
    World world;
    world.has({{"a", {}}, {"b", {}}, {"c", {}}});
    world.manager.answers["POST /v1/daemons/a/stop"] = {200, R"({"name":"a","state":"stopped"})"};
    world.manager.answers["POST /v1/daemons/b/stop"] = error(500, "internal", "cannot stop b: no");
    world.manager.answers["POST /v1/daemons/c/stop"] = {200, R"({"name":"c","state":"stopped"})"};
    const Outcome outcome = world.run({"stop", "c", "missing", "b", "a"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "c: stopped\na: stopped\n");
    EXPECT_EQ(outcome.err,
              "syspulse: no daemon named \"missing\"; see: syspulse list\n"
              "syspulse: cannot stop b: no\n");
}

TEST(Stop, a_message_that_holds_the_name_by_chance_is_told_with_it) {
    World world;
    world.has({{"a", {}}});
    world.manager.answers["POST /v1/daemons/a/stop"] = error(500, "internal", "/srv/a/run: no");
    EXPECT_EQ(world.run({"stop", "a"}).err, "syspulse: a: /srv/a/run: no\n");
}

TEST(Stop, flags_reach_the_manager) {
    World world;
    world.manager.answers["POST /v1/daemons/a/stop"] = {200, R"({"name":"a","state":"stopped"})"};
    world.run({"stop", "a", "--force", "--timeout", "3"});
    EXPECT_EQ(world.manager.requests().at(0).body, R"({"force":true,"timeout_secs":3})");
}

TEST(Stop, patterns_and_tags_select_without_repetition) {
    World world;
    world.has({{"web-1", R"("tags":["x"])"}, {"web-2", {}}, {"db", R"("tags":["x"])"}});
    for (const char* name : {"web-1", "web-2", "db"}) {
        world.manager.answers["POST /v1/daemons/" + std::string(name) + "/stop"] = {200, "{}"};
    }
    EXPECT_EQ(world.run({"stop", "web-*", "--tag", "x"}).out,
              "web-1: stopped\nweb-2: stopped\ndb: stopped\n");
    EXPECT_EQ(world.run({"stop", "--all"}).out, "web-1: stopped\nweb-2: stopped\ndb: stopped\n");
    const Outcome nothing = world.run({"stop", "nope-*"});
    EXPECT_EQ(nothing.code, 4);
    EXPECT_EQ(nothing.err, "syspulse: no daemon matches \"nope-*\"; see: syspulse list\n");
    EXPECT_EQ(world.run({"stop", "--tag", "y"}).code, 4);
}

// GET /v1/daemons says how things stood, GET of one how they stand after the conflict.
TEST(Stop, one_that_does_not_run_is_a_conflict_only_when_it_is_asked_for_by_name) {
    World world;
    world.has({{"on", {}}, {"off", {}}});
    world.manager.answers["GET /v1/daemons"] = {
        200, R"([{"name":"on","state":"running"},{"name":"off","state":"stopped"}])"};
    world.manager.answers["GET /v1/daemons/off"] = {200, R"({"name":"off","state":"stopped"})"};
    world.manager.answers["POST /v1/daemons/on/stop"] = {200, R"({"name":"on","state":"stopped"})"};
    world.manager.answers["POST /v1/daemons/off/stop"] =
        error(409, "invalid_state", "off is not running");
    EXPECT_EQ(world.run({"stop", "off"}).code, 5);
    EXPECT_EQ(world.run({"stop", "on", "off"}).code, 5);
    const Outcome all = world.run({"stop", "--all"});
    EXPECT_EQ(all.code, 0);
    EXPECT_EQ(all.out, "on: stopped\noff: already stopped\n");
    EXPECT_EQ(world.run({"stop", "o*"}).code, 0);
    EXPECT_EQ(world.run({"stop", "o*", "off"}).code, 5) << "asked for by name as well";
}

TEST(Stop, one_that_had_failed_is_not_told_as_a_stop_that_failed) {
    World world;
    world.has({{"bad", {}}});
    world.manager.answers["GET /v1/daemons"] = {200, R"([{"name":"bad","state":"failed"}])"};
    world.manager.answers["GET /v1/daemons/bad"] = {200, R"({"name":"bad","state":"failed"})"};
    world.manager.answers["POST /v1/daemons/bad/stop"] =
        error(409, "invalid_state", "bad is not running");
    const Outcome outcome = world.run({"stop", "b*"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "bad: was not running (failed)\n");
}

TEST(Stop, one_that_ended_with_another_of_the_same_command_is_no_conflict) {
    World world;
    world.has({{"db", {}}, {"web", {}}});
    world.manager.answers["GET /v1/daemons/web"] = {200, R"({"name":"web","state":"stopped"})"};
    world.manager.answers["POST /v1/daemons/db/stop"] = {200, R"({"name":"db","state":"stopped"})"};
    world.manager.answers["POST /v1/daemons/web/stop"] =
        error(409, "invalid_state", "web is not running");
    EXPECT_EQ(world.run({"stop", "db", "web"}).code, 0);
    EXPECT_EQ(world.run({"stop", "web"}).code, 5);
}

TEST(Start, a_conflict_that_leaves_the_daemon_down_stays_one) {
    World world;
    world.has({{"web", {}}});
    world.manager.answers["GET /v1/daemons/web"] = {200, R"({"name":"web","state":"stopping"})"};
    world.manager.answers["POST /v1/daemons/web/start"] =
        error(409, "invalid_state", "web is stopping");
    EXPECT_EQ(world.run({"start", "--all"}).code, 5);
    world.manager.answers["GET /v1/daemons/web"] = {200,
                                                    R"({"name":"web","state":"running","pid":3})"};
    EXPECT_EQ(world.run({"start", "--all"}).code, 0);
    EXPECT_EQ(world.run({"start", "--all"}).out, "web: already running (pid 3)\n");
    EXPECT_EQ(world.run({"start", "web"}).code, 5);
}

TEST(Start, one_that_another_of_the_same_command_took_along_was_started) {
    World world;
    world.has({{"db", {}}, {"web", {}}});
    world.manager.answers["GET /v1/daemons"] = {
        200, R"([{"name":"db","state":"stopped"},{"name":"web","state":"stopped"}])"};
    world.manager.answers["POST /v1/daemons/web/start"] = {
        200, R"({"name":"web","state":"running","pid":7})"};
    world.manager.answers["POST /v1/daemons/db/start"] =
        error(409, "invalid_state", "db is already running");
    EXPECT_EQ(world.run({"start", "web", "db"}).out,
              "web: started (pid 7)\ndb: started (pid 42)\n");
}

TEST(WaitLimits, are_one_deadline_for_the_whole_command) {
    std::istringstream in;
    std::ostringstream out;
    Context context(in, out, out);
    Instant now{};
    context.now = [&now] { return Now{now, WallTime{}}; };
    Arguments arguments;
    arguments.set("wait", {});
    arguments.set("timeout", {"3"});
    const WaitLimits limits(context, arguments);
    EXPECT_EQ(limits.body(), R"({"wait":true,"timeout_secs":3})");
    now += std::chrono::seconds{2};
    EXPECT_EQ(limits.body(), R"({"wait":true,"timeout_secs":1})");
    EXPECT_EQ(limits.request(), Duration(std::chrono::seconds{11}));
    now += std::chrono::seconds{2};
    EXPECT_EQ(limits.body(), R"({"wait":true,"timeout_secs":0})");
}

// More than take turns otherwise: each waits until all are there.
TEST(Start, many_are_waited_for_at_the_same_time) {
    World world;
    std::mutex mutex;
    std::condition_variable changed;
    int there = 0;
    world.manager.on_request = [&](const Request& request) {
        if (request.method != "POST") return;
        std::unique_lock lock(mutex);
        ++there;
        changed.notify_all();
        changed.wait(lock, [&] { return there == 40; });
    };
    std::vector<std::pair<std::string, std::string>> daemons;
    for (int i = 0; i < 40; ++i) {
        daemons.emplace_back("d" + std::to_string(i), "");
        world.manager.answers["POST /v1/daemons/" + daemons.back().first + "/start"] = {
            200, R"({"state":"running","pid":1})"};
    }
    world.has(daemons);
    const Outcome outcome = world.run({"start", "--all", "--wait"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 40);
}

TEST(Stop, tells_what_was_stopped_along_with_it_and_what_had_to_be_killed) {
    World world;
    world.manager.answers["POST /v1/daemons/db/stop"] = {
        200, R"({"name":"db","state":"stopped","stopped_dependents":["tick","web"]})"};
    EXPECT_EQ(world.run({"stop", "db"}).out,
              "db: stopped\ntick: stopped, as it depends on db\nweb: stopped, as it depends on "
              "db\n");
    world.has({{"db", {}}, {"web", {}}});
    world.manager.answers["POST /v1/daemons/web/stop"] = {200,
                                                          R"({"name":"web","state":"stopped"})"};
    EXPECT_EQ(world.run({"stop", "db", "web"}).out,
              "db: stopped\ntick: stopped, as it depends on db\nweb: stopped\n");
    world.manager.answers["POST /v1/daemons/db/stop"] = {
        200, R"({"name":"db","state":"stopped","killed_after_secs":1.5})"};
    EXPECT_EQ(world.run({"stop", "db"}).out, "db: stopped (killed, it did not end within 1s)\n");
}

TEST(Restart, that_another_request_cancelled_is_a_conflict) {
    World world;
    world.manager.answers["POST /v1/daemons/web/restart"] =
        error(409, "cancelled", "\\\"web\\\" was stopped by another request");
    EXPECT_EQ(world.run({"restart", "web"}).code, 5);
}

TEST(Stop, a_slow_one_does_not_hold_up_the_others) {
    World world;
    std::mutex mutex;
    std::condition_variable changed;
    int others = 0;
    world.manager.on_request = [&](const Request& request) {
        std::unique_lock lock(mutex);
        if (request.target == "/v1/daemons/slow/stop") {
            changed.wait(
                lock, [&] { return others == 20; });  // Hangs for ever if they had to wait for it.
        } else if (request.method == "POST") {
            ++others;
            changed.notify_all();
        }
    };
    std::vector<std::string> words{"stop", "slow"};
    std::vector<std::pair<std::string, std::string>> daemons{{"slow", {}}};
    for (int i = 0; i < 20; ++i) {
        words.push_back("d" + std::to_string(i));
        daemons.emplace_back(words.back(), "");
    }
    world.has(daemons);
    EXPECT_EQ(world.run(words).code, 4);
    EXPECT_EQ(others, 20);
}

TEST(Concurrent, every_one_is_done_once) {
    std::vector<std::atomic<int>> counts(100);
    for_each_concurrently(counts.size(), [&](std::size_t i) { ++counts[i]; });
    for (const auto& count : counts) {
        EXPECT_EQ(count, 1);
    }
    for_each_concurrently(0, [](std::size_t) { FAIL(); });
}

TEST(Json, one_name_gives_an_object_and_several_an_array) {
    World world;
    world.has({{"a", ""}, {"b", ""}});
    world.manager.answers["POST /v1/daemons/a/start"] = {200, "{\"name\":\"a\"}\n"};
    world.manager.answers["POST /v1/daemons/b/start"] = {200, "{\"name\":\"b\"}"};
    EXPECT_EQ(world.run({"start", "a", "--format", "json"}).out, "{\"name\":\"a\"}\n");
    EXPECT_EQ(world.run({"start", "a", "b", "--format", "json"}).out,
              "[{\"name\":\"a\"},{\"name\":\"b\"}]\n");
}

TEST(Json, a_failure_is_one_error_object_on_stderr) {
    World world;
    const Outcome outcome = world.run({"start", "nope", "--format", "json"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "{\"error\":{\"code\":404,\"kind\":\"daemon_not_found\",\"message\":\"no such "
              "daemon\"}}\n");
}

TEST(Json, failures_are_in_the_order_of_the_names) {
    World world;
    world.has({{"a", ""}, {"b", ""}});
    const std::string told = world.run({"start", "b", "nope", "a", "--format", "json"}).err;
    const auto list = told.find("failures");
    const auto b = told.find(R"("name":"b")", list), a = told.find(R"("name":"a")", list);
    const auto nope = told.find(R"("name":"nope")", list);
    EXPECT_LT(b, nope) << told;
    EXPECT_LT(nope, a) << told;
}

TEST(Json, several_failures_are_listed_below_the_worst) {
    World world;
    world.has({{"a", ""}, {"b", ""}});
    world.manager.answers["POST /v1/daemons/b/start"] = error(409, "invalid_state", "no");
    const Outcome outcome = world.run({"start", "a", "b", "--format", "json"});
    EXPECT_EQ(outcome.code, 5);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(
        outcome.err.find("{\"error\":{\"code\":409,\"kind\":\"invalid_state\",\"message\":\"no\","
                         "\"failures\":[{\"name\":\"a\",\"code\":404"),
        0U);
}

TEST(Signal, names_are_checked_before_the_manager_is_asked) {
    World world;
    world.manager.answers["POST /v1/daemons/web/signal"] = {200, ""};
    EXPECT_EQ(world.run({"signal", "web", "hup"}).out, "web: sent SIGHUP\n");
    EXPECT_EQ(world.manager.requests().at(0).body, R"({"signal":"SIGHUP"})");
    EXPECT_EQ(world.run({"signal", "web", "NOPE"}).code, 2);
    EXPECT_EQ(world.run({"signal", "web"}).code, 2);
    EXPECT_EQ(world.manager.requests().size(), 1U);
}

TEST(Remove, dependents_go_first) {
    World world;
    world.has(
        {{"db", {}}, {"app", R"("depends_on":["db"])"}, {"web", R"("depends_on":["app","db"])"}});
    for (const char* name : {"db", "app", "web"}) {
        world.manager.answers["DELETE /v1/daemons/" + std::string(name) + "?force=true"] = {200,
                                                                                            "{}"};
    }
    const Outcome outcome = world.run({"remove", "--all", "--force"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "db: removed\napp: removed\nweb: removed\n");
    std::vector<std::string> order;
    for (const Request& request : world.manager.requests()) {
        order.push_back(request.target);
    }
    EXPECT_EQ(order, (std::vector<std::string>{"/v1/daemons", "/v1/daemons/web?force=true",
                                               "/v1/daemons/app?force=true",
                                               "/v1/daemons/db?force=true"}));
}

}  // namespace
}  // namespace syspulse::cli::testing
