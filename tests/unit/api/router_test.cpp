#include "api/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace syspulse::api {
namespace {

using testing::HasSubstr;

template <class Call>
Call call_of(HttpRequest request) {
    auto routed = route(std::move(request));
    if (const auto* error = std::get_if<ApiError>(&routed)) {
        ADD_FAILURE() << error->message;
        return {};
    }
    const auto* call = std::get_if<Call>(&std::get<ParsedCall>(routed));
    if (call == nullptr) {
        ADD_FAILURE() << "another call";
        return {};
    }
    return *call;
}

ApiError error_of(HttpRequest request) {
    auto routed = route(std::move(request));
    if (auto* error = std::get_if<ApiError>(&routed)) return *error;
    ADD_FAILURE() << "no error";
    return {};
}

TEST(Router, finds_every_route_of_its_own_table) {
    for (const auto& info : routes()) {
        std::string path(info.path);
        if (const auto brace = path.find("{name}"); brace != std::string::npos) {
            path.replace(brace, 6, "web");
        }
        if (path == "/v1/environment") path += "?name=HOME";
        HttpRequest request{std::string(info.method), path, {}};
        if (path == "/v1/daemons") request.body = "{}";
        if (path.ends_with("/signal")) request.body = R"({"signal":"HUP"})";
        EXPECT_TRUE(std::holds_alternative<ParsedCall>(route(request))) << info.method << path;
    }
}

TEST(Router, decodes_path_and_query) {
    EXPECT_EQ(call_of<GetCall>({"GET", "/v1/daemons/web%40%31", {}}).name, "web@1");
    EXPECT_FALSE(call_of<GetCall>({"GET", "/v1/daemons/web", {}}).lines);
    EXPECT_TRUE(call_of<GetCall>({"GET", "/v1/daemons/web?lines=true", {}}).lines);
    const auto list = call_of<ListCall>({"GET", "/v1/daemons?tag=a+b&name=web-%2a&", {}});
    EXPECT_EQ(list.filter.tag, "a b");
    EXPECT_EQ(list.filter.name, "web-*");
}

TEST(Router, accepts_an_absolute_target) {
    call_of<PingCall>({"GET", "http://localhost/v1/ping", {}});
}

TEST(Router, reads_start_flags_and_takes_an_empty_body_as_defaults) {
    const auto start = call_of<StartCall>(
        {"POST", "/v1/daemons/web/start", R"({"wait":true,"timeout_secs":1.5})"});
    EXPECT_TRUE(start.options.wait);
    EXPECT_EQ(start.options.timeout, std::chrono::milliseconds{1500});
    EXPECT_FALSE(call_of<StartCall>({"POST", "/v1/daemons/web/start", {}}).options.timeout);
}

TEST(Router, reads_whether_a_reload_is_forced) {
    const auto plain = call_of<ReloadPluginCall>({"POST", "/v1/plugins/a.b/reload", {}});
    EXPECT_EQ(plain.name, "a.b");
    EXPECT_FALSE(plain.force);
    EXPECT_TRUE(
        call_of<ReloadPluginCall>({"POST", "/v1/plugins/a.b/reload", R"({"force":true})"}).force);
}

TEST(Router, reads_stop_restart_signal_and_shutdown) {
    EXPECT_TRUE(
        call_of<StopCall>({"POST", "/v1/daemons/w/stop", R"({"force":true})"}).options.force);
    EXPECT_TRUE(
        call_of<RestartCall>({"POST", "/v1/daemons/w/restart", R"({"wait":true})"}).options.wait);
    EXPECT_EQ(
        call_of<SignalCall>({"POST", "/v1/daemons/w/signal", R"({"signal":"SIGHUP"})"}).number, 1);
    EXPECT_TRUE(
        call_of<ShutdownCall>({"POST", "/v1/shutdown", R"({"keep_running":true})"}).keep_running);
}

TEST(Router, reads_log_and_event_queries) {
    const auto logs =
        call_of<LogsCall>({"GET", "/v1/daemons/w/logs?lines=5&stream=all&since=10m&follow", {}});
    EXPECT_EQ(logs.query.lines, 5U);
    EXPECT_TRUE(logs.query.out && logs.query.err && logs.query.follow);
    EXPECT_EQ(logs.query.since->resolve(from_unix_ms(600'001)), from_unix_ms(1));
    const auto events =
        call_of<EventsCall>({"GET", "/v1/events?since=1970-01-01T00:00:01Z&after=3&daemon=w", {}});
    EXPECT_EQ(events.query.since->resolve(from_unix_ms(0)), from_unix_ms(1000));
    EXPECT_EQ(events.query.after_id, 3);
    EXPECT_EQ(events.query.daemon, "w");
    EXPECT_FALSE(events.query.objects);
    EXPECT_TRUE(call_of<EventsCall>({"GET", "/v1/events?objects", {}}).query.objects);
    const auto marked = call_of<LogsCall>(
        {"GET", "/v1/daemons/w/logs?follow=true&marks=true&from=1.2.3.4.5-0", {}});
    EXPECT_TRUE(marked.query.marks);
    EXPECT_EQ(marked.query.from, "1.2.3.4.5-0");
}

TEST(Router, gives_no_more_events_at_once_than_the_manager_can_hold) {
    EXPECT_EQ(call_of<EventsCall>({"GET", "/v1/events?lines=10000", {}}).query.limit, 10'000U);
    const auto refused = error_of({"GET", "/v1/events?lines=10001", {}});
    EXPECT_EQ(refused.code, 400);
    EXPECT_THAT(refused.message, HasSubstr("at most 10000 events"));
}

TEST(Router, names_unknown_body_keys_and_parameters) {
    const auto body = error_of({"POST", "/v1/daemons/w/stop", R"({"forse":true})"});
    EXPECT_EQ(body.code, 400);
    EXPECT_EQ(body.kind, "invalid_request");
    EXPECT_THAT(body.message, HasSubstr("'forse'"));
    EXPECT_THAT(error_of({"GET", "/v1/daemons/w?x=1", {}}).message, HasSubstr("'x'"));
    EXPECT_THAT(error_of({"GET", "/v1/daemons?tag=a&tag=b", {}}).message, HasSubstr("'tag'"));
}

TEST(Router, refuses_values_of_the_wrong_kind) {
    for (const char* body : {"[]", "{", "\xff", R"({"wait":1})", R"({"timeout_secs":-1})",
                             R"({"timeout_secs":1e300})", R"({"timeout_secs":"5"})"}) {
        EXPECT_EQ(error_of({"POST", "/v1/daemons/w/start", body}).code, 400) << body;
    }
    for (const char* query : {"lines=x", "lines=-1", "lines=99999999999999999999999", "stream=in",
                              "since=soon", "follow=maybe", "lines=%zz", "lines=%0", "marks=true",
                              "from=0-0", "follow&from=0-0&lines=1", "follow&from=0-0&since=1m"}) {
        EXPECT_EQ(error_of({"GET", std::string("/v1/daemons/w/logs?") + query, {}}).code, 400)
            << query;
    }
    EXPECT_EQ(error_of({"POST", "/v1/daemons/w/signal", "{}"}).code, 400);
    EXPECT_EQ(error_of({"POST", "/v1/daemons/w/signal", R"({"signal":"SIGNONE"})"}).code, 400);
    EXPECT_EQ(error_of({"POST", "/v1/daemons", ""}).code, 400);
}

TEST(Router, tells_unknown_paths_from_wrong_methods) {
    EXPECT_EQ(error_of({"GET", "/v2/ping", {}}).code, 404);
    EXPECT_EQ(error_of({"GET", "", {}}).code, 404);
    EXPECT_EQ(error_of({"GET", "/v1/daemons/a/b/c", {}}).code, 404);
    EXPECT_EQ(error_of({"GET", "/v1/daemons/", {}}).code, 404);
    const auto wrong = error_of({"PUT", "/v1/daemons", {}});
    EXPECT_EQ(wrong.code, 405);
    EXPECT_EQ(wrong.allow, "GET, POST");
    EXPECT_EQ(error_of({"HEAD", "/v1/daemons/w", {}}).allow, "GET, DELETE");
    EXPECT_EQ(error_of({"GET", "/v1/shutdown", {}}).allow, "POST");
}

TEST(Router, takes_what_cannot_be_a_name_for_an_unknown_daemon) {
    for (const char* name : {"..", "%2e%2e%2fetc", "-x", "a%20b", "%ff"}) {
        const auto error = error_of({"GET", std::string("/v1/daemons/") + name, {}});
        EXPECT_EQ(error.kind, "daemon_not_found") << name;
    }
    EXPECT_EQ(error_of({"GET", "/v1/daemons/a%00b", {}}).code, 400);
}

// The OpenAPI file names exactly the router's paths and methods. Its layout is ours, so that lines
// of two and four spaces of indentation are enough to read it.
TEST(Router, the_openapi_file_has_all_kinds_of_events) {
    std::ifstream file(SYSPULSE_OPENAPI_FILE);
    std::string wanted = "kind: {type: string, enum: [";
    for (const std::string_view kind : model::history_kinds) {
        wanted.append(kind == model::history_kinds.front() ? "" : ", ").append(kind);
    }
    wanted += "]}";
    bool found = false;
    for (std::string line; std::getline(file, line);) {
        found = found || line.find(wanted) != std::string::npos;
    }
    EXPECT_TRUE(found) << wanted;
}

TEST(Router, has_the_paths_and_methods_of_the_openapi_file) {
    std::ifstream file(SYSPULSE_OPENAPI_FILE);
    ASSERT_TRUE(file);
    std::set<std::string> documented;
    std::string line;
    std::string path;
    bool in_paths = false;
    while (std::getline(file, line)) {
        if (!line.empty() && line[0] != ' ') in_paths = line == "paths:";
        if (!in_paths || line.empty() || line.back() != ':') continue;
        if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
        for (const char* method : {"get", "post", "delete", "put", "patch", "head"}) {
            if (line == std::string("    ") + method + ":") {
                std::string upper = method;
                for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
                documented.insert(upper + " " + path);
            }
        }
    }
    std::set<std::string> routed;
    for (const auto& info : routes()) {
        routed.insert(std::string(info.method) + " " + std::string(info.path));
    }
    EXPECT_EQ(documented, routed);
}

}  // namespace
}  // namespace syspulse::api
