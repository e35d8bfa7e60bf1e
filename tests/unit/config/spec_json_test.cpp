#include "config/spec_json.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/plain_spec.hpp"
#include "unit/config/config_fixture.hpp"

namespace syspulse::config {
namespace {

constexpr std::string_view full_spec = R"(daemons:
  web:
    command: [python3, -m, http.server, "8000"]
    description: Static "files"
    working_dir: /srv/www
    env: { ZED: "1", PORT: "8000" }
    user: www-data
    driver: {type: cgroup, with: {slice: a.slice}}
    health_check:
      type: http
      target: http://127.0.0.1:8000/
      interval_secs: 0.25
      retries: 4
      on_unhealthy: none
      with: { expect_status: [200] }
    restart_policy: {policy: on_failure, max_retries: 5, backoff_max_secs: 20}
    success_exit_codes: [0, 3]
    stop_signal: SIGRTMIN+3
    stop_timeout_secs: 1.000001
    resource_limits: {max_memory_bytes: 256M, max_cpu_percent: 50.5, max_open_files: 10, max_processes: 4}
    schedule: {cron: "0 3 * * *", timezone: UTC, overlap: replace, catch_up: one}
    log_config: {max_size_bytes: 1K, retain_count: 0, compress_rotated: yes, timestamps: on, on_full: block, capture: no}
    tags: [web, prod]
    depends_on: [db]
    autostart: true
  db:
    command: [postgres]
)";

TEST(SpecJson, round_trips_every_field) {
    const auto loaded = load(full_spec);
    ASSERT_EQ(format_errors(loaded.errors), "");
    for (const auto& spec : loaded.daemons) {
        const auto again = from_stored_json(spec.name, to_json(spec));
        ASSERT_TRUE(again.has_value()) << again.error().message;
        EXPECT_EQ(*again, spec);
        EXPECT_EQ(to_json(*again), to_json(spec));
    }
}

TEST(SpecJson, is_a_valid_request) {
    const auto loaded = load(full_spec);
    ASSERT_EQ(loaded.daemons.size(), 2U);
    const std::string request = "{\"daemons\":{\"db\":" + to_json(loaded.daemons[1]) + "}}";
    const auto again = load_specs_json(request, fake_options());
    EXPECT_EQ(format_errors(again.errors), "");
    ASSERT_EQ(again.daemons.size(), 1U);
    EXPECT_EQ(again.daemons[0], loaded.daemons[1]);
}

TEST(SpecJson, has_a_fixed_form) {
    const auto loaded = load("daemons: {a: {command: [x]}}");
    ASSERT_EQ(loaded.daemons.size(), 1U);
    EXPECT_EQ(to_json(loaded.daemons[0]),
              R"({"command":["x"],"driver":{"type":"posix","with":{}},"restart_policy":)"
              R"({"policy":"never","backoff_base_secs":1,"backoff_max_secs":300,)"
              R"("reset_after_secs":60},"success_exit_codes":[0],"stop_signal":"SIGTERM",)"
              R"("stop_timeout_secs":30,"log_config":{"max_size_bytes":52428800,"retain_count":5,)"
              R"("compress_rotated":false,"timestamps":false},"autostart":false})");
}

TEST(SpecJson, tolerates_plugins_and_dependencies_that_are_gone) {
    const auto spec = from_stored_json(
        "a", R"({"command":["${X}"],"driver":{"type":"gone","with":{"k":1}},"depends_on":["b"]})");
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    EXPECT_EQ(spec->driver.options_json, R"({"k":1})");
    EXPECT_EQ(spec->command[0], "${X}");
}

TEST(SpecJson, refuses_damaged_text) {
    for (const char* text : {"", "{", "null", "{}", R"({"command":["x"]},"b":{"command":["y"]})"}) {
        const auto spec = from_stored_json("a", text);
        ASSERT_FALSE(spec.has_value()) << text;
        EXPECT_EQ(spec.error().code, ErrorCode::corrupt);
    }
}

// What the general reader makes of it.
std::optional<model::DaemonSpec> read_generally(const std::string& json) {
    LoadOptions options;
    options.tolerate_unknown_dependencies = true;
    auto loaded = load_specs_json("{\"daemons\":{\"web\":" + json + "}}", options);
    if (!loaded.errors.empty() || loaded.daemons.size() != 1) return std::nullopt;
    return std::move(loaded.daemons[0]);
}

constexpr std::string_view plain_spec = R"(daemons:
  web:
    command: [/bin/server, "", --port=8000]
    description: Serves
    working_dir: /srv/www
    env: { ZED: "1", PORT: "" }
    restart_policy: {policy: on_failure, max_retries: 5, backoff_base_secs: 0, backoff_max_secs: 20}
    success_exit_codes: [0, 3]
    stop_signal: SIGINT
    log_config: {max_size_bytes: 1K, retain_count: 0, compress_rotated: yes, timestamps: on, on_full: block, capture: no}
    tags: [web, prod]
    depends_on: [db, cache]
    autostart: true
  db: {command: [postgres]}
  cache: {command: [redis]}
)";

TEST(PlainSpec, is_what_to_json_writes_for_specs_without_anything_unusual) {
    const auto loaded = load(plain_spec);
    ASSERT_EQ(format_errors(loaded.errors), "");
    for (const auto& spec : loaded.daemons) {
        const auto read = read_plain_spec(spec.name, to_json(spec));
        ASSERT_TRUE(read.has_value()) << to_json(spec);
        EXPECT_EQ(*read, spec);
    }
}

// Every text that differs from a plain one by one byte: one more, one less, or another.
TEST(PlainSpec, takes_nothing_that_the_general_reader_refuses_or_reads_otherwise) {
    const auto loaded = load(plain_spec);
    ASSERT_EQ(format_errors(loaded.errors), "");
    std::size_t taken = 0;
    for (const std::string& text : {to_json(loaded.daemons[0]), to_json(loaded.daemons[1])}) {
        for (std::size_t at = 0; at < text.size(); ++at) {
            std::vector<std::string> others{text.substr(0, at) + text.substr(at + 1)};
            for (const char byte : std::string_view("0-9.e,:\"\\{}[] ax/=\x01\xc3")) {
                others.push_back(text.substr(0, at) + byte + text.substr(at));
                others.push_back(text.substr(0, at) + byte + text.substr(at + 1));
            }
            for (const std::string& other : others) {
                const auto plain = read_plain_spec("web", other);
                if (!plain) continue;
                ++taken;
                const auto general = read_generally(other);
                ASSERT_TRUE(general.has_value()) << other;
                ASSERT_EQ(*plain, *general) << other;
            }
        }
    }
    EXPECT_GT(taken, 1000U);
}

}  // namespace
}  // namespace syspulse::config
