#include "api/json_codec.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/api_error.hpp"
#include "api/json_writer.hpp"
#include "base/random.hpp"

namespace syspulse::api {
namespace {

using nlohmann::json;

model::ProcessStats full_stats() {
    using std::chrono::milliseconds;
    const model::Pressure::Share some{12.5, 6.25, 1.5, milliseconds{750}};
    const model::Pressure::Share full{2.5, 0, 0, milliseconds{250}};
    model::ProcessStats stats;
    stats.cpu_time = milliseconds{2500};
    stats.memory_bytes = 4096;
    stats.tasks = 7;
    stats.cpu_user = milliseconds{1500};
    stats.cpu_system = milliseconds{1000};
    stats.memory_peak_bytes = 8192;
    stats.io_read_bytes = 512;
    stats.io_write_bytes = 1024;
    stats.throttled = milliseconds{125};
    stats.throttled_count = 3;
    stats.cpu_pressure = model::Pressure{some, full};
    stats.memory_pressure = model::Pressure{full, full};
    stats.io_pressure = model::Pressure{some, some};
    return stats;
}

model::DaemonView full_view() {
    model::DaemonView d;
    d.id = "5b4cd4a3-1b0e-4a3e-8f0c-6d0c6b1d9d11";
    d.name = "web";
    d.state = model::State::backoff;
    d.health_status = model::Health::unhealthy;
    d.pid = 4711;
    d.driver = "cgroup";
    d.started_at = from_unix_ms(1'700'000'000'123);
    d.stopped_at = from_unix_ms(1'700'000'001'000);
    d.last_exit = ExitStatus::signalled(9);
    d.last_exit->oom_killed = true;
    d.last_exit->memory_peak_bytes = 1 << 20;
    d.paused = true;
    d.restart_count = 3;
    d.uptime_secs = 1.25;
    d.next_run_at = from_unix_ms(1'700'000'100'000);
    d.next_restart_at = from_unix_ms(1'700'000'002'000);
    d.stdout_log = "/d/logs/web/stdout.log";
    d.stderr_log = "/d/logs/web/stderr.log";
    d.output_bytes = 1ULL << 40;
    d.output_lines = 34;
    d.output_dropped_bytes = 12;
    d.description = "the \"web\"\n\\ server";
    d.tags = {"web", "prod"};
    d.last_error = "out of memory";
    d.depends_on = {"db"};
    d.options_error = "checker http: unknown option";
    d.waiting_for = "db";
    d.spec_changed = true;
    d.killed_after = std::chrono::milliseconds{1500};
    d.stopped_dependents = {"tick", "web"};
    d.run = RunId{99};
    d.last_check = {from_unix_ms(1'700'000'000'500),
                    false,
                    true,
                    "refused",
                    std::chrono::microseconds{1500},
                    2,
                    {{"b_bytes", 1e18}, {"connect_seconds", 0.25}}};
    d.stats = full_stats();
    return d;
}

TEST(JsonCodec, daemon_survives_a_round_trip) {
    const std::string text = to_json(full_view());
    const auto back = parse_daemon(text);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_json(*back), text);
    EXPECT_EQ(back->last_exit, full_view().last_exit);
    EXPECT_EQ(back->last_check->latency, full_view().last_check->latency);
    EXPECT_EQ(back->started_at, full_view().started_at);
}

TEST(JsonCodec, daemon_has_the_fields_of_the_contract) {
    const json object = json::parse(to_json(full_view()));
    for (const char* key :
         {"id", "name", "state", "health_status", "pid", "driver", "started_at", "stopped_at",
          "exit_code", "exit_signal", "restart_count", "uptime_secs", "next_run_at",
          "next_restart_at", "stdout_log", "stderr_log", "description", "tags", "last_error"}) {
        EXPECT_TRUE(object.contains(key)) << key;
    }
    EXPECT_EQ(object["started_at"], "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(object["exit_signal"], "SIGKILL");
    EXPECT_TRUE(object["exit_code"].is_null());
    EXPECT_EQ(object["last_check"]["latency_ms"], 1.5);
    EXPECT_EQ(object["last_check"]["missed"], true);
    EXPECT_EQ(object["last_check"]["metrics"],
              (json{{"connect_seconds", 0.25}, {"b_bytes", 1e18}}));
    EXPECT_EQ(object["stats"]["cpu_secs"], 2.5);
    EXPECT_EQ(object["stats"]["throttled_secs"], 0.125);
    EXPECT_EQ(object["stats"]["cpu_pressure"]["some"]["avg10"], 12.5);
    EXPECT_EQ(object["oom_killed"], true);
    EXPECT_EQ(object["spec_changed"], true);
    EXPECT_EQ(object["killed_after_secs"], 1.5);
    EXPECT_EQ(object["stopped_dependents"], (json{"tick", "web"}));
    EXPECT_FALSE(json::parse(to_json(model::DaemonView{})).contains("stopped_dependents"));
    EXPECT_EQ(object["options_error"], "checker http: unknown option");
    EXPECT_FALSE(json::parse(to_json(model::DaemonView{})).contains("options_error"));
    EXPECT_EQ(object["memory_peak_bytes"], 1 << 20);
    EXPECT_EQ(object["paused"], true);
    EXPECT_EQ(object["output_bytes"], 1ULL << 40);
    EXPECT_EQ(object["output_lines"], 34);
    EXPECT_EQ(object["output_dropped_bytes"], 12);
}

TEST(JsonCodec, absent_values_are_null) {
    const json object = json::parse(to_json(model::DaemonView{}));
    for (const char* key : {"pid", "started_at", "stopped_at", "exit_code", "exit_signal",
                            "uptime_secs", "next_run_at", "next_restart_at", "description",
                            "last_error", "waiting_for", "run", "last_check", "stats"}) {
        EXPECT_TRUE(object.at(key).is_null()) << key;
    }
    EXPECT_EQ(object["tags"], json::array());
}

TEST(JsonCodec, exit_code_zero_is_not_absent) {
    model::DaemonView daemon;
    daemon.last_exit = ExitStatus::exited(0);
    EXPECT_EQ(json::parse(to_json(daemon))["exit_code"], 0);
    daemon.last_exit = ExitStatus::unknown();
    EXPECT_TRUE(json::parse(to_json(daemon))["exit_code"].is_null());
}

TEST(JsonCodec, an_exit_code_of_32_bits_is_not_negative) {
    model::DaemonView daemon = full_view();
    daemon.last_exit = ExitStatus::exited(static_cast<std::int32_t>(0xC0000005));
    const std::string text = to_json(daemon);
    EXPECT_EQ(json::parse(text)["exit_code"], 3221225477);
    const auto back = parse_daemon(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->last_exit, daemon.last_exit);
}

TEST(JsonCodec, an_event_of_an_exit_tells_an_oom_kill_and_the_peak) {
    model::HistoryEntry entry;
    entry.kind = "exit";
    entry.exit = ExitStatus{ExitStatus::Kind::lost, true, 0, 4096};
    const json object = json::parse(to_json(entry));
    EXPECT_EQ(object["oom_killed"], true);
    EXPECT_EQ(object["memory_peak_bytes"], 4096);
    entry.exit->memory_peak_bytes = 0;
    EXPECT_TRUE(json::parse(to_json(entry))["memory_peak_bytes"].is_null());
}

TEST(JsonCodec, events_name_the_state_that_was_entered) {
    model::HistoryEntry entry;
    entry.id = 5;
    entry.kind = "transition";
    entry.from = "starting";
    entry.to = "running";
    EXPECT_EQ(json::parse(to_json(entry))["state"], "running");
    entry.to = "healthy";
    EXPECT_TRUE(json::parse(to_json(entry))["state"].is_null());
    EXPECT_TRUE(json::parse(to_json(entry))["pid"].is_null());
}

TEST(JsonCodec, an_event_may_have_its_daemons_object) {
    model::HistoryEntry entry;
    entry.kind = "exit";
    EXPECT_FALSE(json::parse(to_json(entry)).contains("daemon_object"));
    EXPECT_TRUE(json::parse(to_json(entry, "null"))["daemon_object"].is_null());
    model::DaemonView daemon;
    daemon.name = "web";
    const json object = json::parse(to_json(entry, to_json(daemon)));
    EXPECT_EQ(object["kind"], "exit");
    EXPECT_EQ(object["daemon_object"], json::parse(to_json(daemon)));
}

TEST(JsonCodec, errors_carry_code_and_kind) {
    const auto text = to_json(to_api_error({ErrorCode::not_found, "no \xff"}, Subject::daemon));
    const json object = json::parse(text)["error"];
    EXPECT_EQ(object["code"], 404);
    EXPECT_EQ(object["kind"], "daemon_not_found");
    EXPECT_EQ(object["message"], "no \xEF\xBF\xBD");
    EXPECT_EQ(to_api_error({ErrorCode::invalid_argument, ""}, Subject::spec).kind, "invalid_spec");
    EXPECT_EQ(to_api_error({ErrorCode::timed_out, ""}, Subject::daemon).code, 504);
    EXPECT_EQ(to_api_error({ErrorCode::unavailable, ""}, Subject::daemon).code, 500);
}

TEST(JsonCodec, garbage_is_refused_and_not_thrown) {
    for (const char* text : {"", "[", "[]", "{}", R"({"name":5})", R"({"name":"a","pid":"x"})",
                             R"({"name":"a","last_check":[1]})"}) {
        EXPECT_FALSE(parse_daemon(text)) << text;
    }
}

// Any bytes at all give JSON that another implementation reads, and valid text comes back as it
// was.
TEST(JsonCodec, a_number_that_no_count_can_be_is_refused) {
    const std::string before = R"({"name":"web","state":"running","pid":)";
    EXPECT_TRUE(parse_daemon(before + "5}"));
    for (const char* number : {"5e74", "-5e74", "5.5", "\"5\""}) {
        EXPECT_FALSE(parse_daemon(before + number + "}")) << number;
    }
}

TEST(JsonWriter, writes_any_bytes_as_valid_json) {
    Random random(1);
    for (int round = 0; round < 5000; ++round) {
        std::string bytes;
        for (std::uint32_t n = random.below(12); n > 0; --n) {
            const std::uint32_t kind = random.below(4);
            bytes += static_cast<char>(kind == 0   ? random.below(256)
                                       : kind == 1 ? 0xC0 + random.below(64)
                                       : kind == 2 ? 0x80 + random.below(64)
                                                   : random.below(128));
        }
        JsonWriter writer;
        writer.string(bytes);
        const std::string text = std::move(writer).take();
        const json parsed = json::parse(text, nullptr, false);
        ASSERT_TRUE(parsed.is_string()) << testing::PrintToString(bytes);
        if (json::accept('"' + bytes + '"')) {
            EXPECT_EQ(json(bytes).dump(), json(parsed).dump());
        }
    }
}

TEST(JsonWriter, keeps_valid_text_and_escapes_control_characters) {
    const std::string text = "z\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\x1b\"\\\n\r\t\b\f";
    JsonWriter writer;
    writer.string(text);
    EXPECT_EQ(json::parse(std::move(writer).take()).get<std::string>(), text);
}

}  // namespace
}  // namespace syspulse::api
