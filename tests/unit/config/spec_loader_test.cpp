#include "config/spec_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "config/spec_template.hpp"
#include "unit/config/config_fixture.hpp"

namespace syspulse::config {
namespace {

using namespace std::chrono_literals;
using model::RestartPolicy;
using testing::ElementsAre;
using testing::Pair;

model::DaemonSpec only(const LoadResult& result) {
    EXPECT_EQ(format_errors(result.errors), "");
    EXPECT_EQ(result.daemons.size(), 1U);
    return result.daemons.empty() ? model::DaemonSpec{} : result.daemons.front();
}

model::DaemonSpec with(const std::string& lines) {
    return only(load("daemons:\n  a:\n    command: [x]\n" + lines));
}

TEST(SpecLoader, fills_in_the_documented_defaults) {
    const auto spec = with("");
    EXPECT_EQ(spec.driver.type, "posix");
    EXPECT_EQ(spec.restart.kind, RestartPolicy::Kind::never);
    EXPECT_EQ(spec.stop_signal, 15);
    EXPECT_EQ(spec.stop_timeout, 30s);
    EXPECT_FALSE(spec.autostart);
    EXPECT_EQ(spec.log.max_size_bytes, 50U * 1024 * 1024);
}

TEST(SpecLoader, reads_scalars_in_argv_and_env_as_their_literal_text) {
    const auto spec = only(load(
        "daemons: {a: {command: [sleep, 10, 1.50, no], env: {PORT: 8000, DEBUG: true, X: on}}}"));
    EXPECT_THAT(spec.command, ElementsAre("sleep", "10", "1.50", "no"));
    EXPECT_THAT(spec.env.items(),
                ElementsAre(Pair("PORT", "8000"), Pair("DEBUG", "true"), Pair("X", "on")));
}

TEST(SpecLoader, expands_the_environment_in_values) {
    const auto spec = with(
        "    description: ${HOME}/${NOPE:-x}/$${HOME}/$HOME/${EMPTY:-y}\n"
        "    restart_policy:\n      policy: always\n      max_retries: ${COUNT}\n");
    EXPECT_EQ(spec.description, "/root/x/${HOME}/$HOME/y");
    EXPECT_EQ(spec.restart.max_retries, 7U);
}

TEST(SpecLoader, merges_maps_with_own_keys_first) {
    const auto spec = only(
        load("x-a: &a {autostart: true, description: a}\nx-b: &b {description: b, user: root}\n"
             "daemons:\n  d:\n    <<: [*a, *b]\n    command: [x]\n    autostart: false\n"));
    EXPECT_FALSE(spec.autostart);
    EXPECT_EQ(spec.description, "a");
    EXPECT_EQ(spec.user, "root");
}

TEST(SpecLoader, leaves_the_environment_alone_below_ignored_keys) {
    EXPECT_EQ(errors_of("x-a: ${NOPE}\ndaemons: {a: {command: [x]}}"), "");
}

TEST(SpecLoader, restarts_unhealthy_daemons_unless_the_policy_is_never) {
    const std::string check = "    health_check: {type: tcp, target: '[::1]:80'}\n";
    using OnUnhealthy = model::HealthCheckSpec::OnUnhealthy;
    EXPECT_EQ(with(check).health_check->on_unhealthy, OnUnhealthy::none);
    EXPECT_EQ(with(check + "    restart_policy: always\n").health_check->on_unhealthy,
              OnUnhealthy::restart);
}

TEST(SpecLoader, keeps_the_options_of_a_plugin_as_they_were_written) {
    const auto spec = with(
        "    health_check:\n      type: http\n      target: http://a/\n      with:\n"
        "        headers: {X-Version: 2}\n        expect_status: [200]\n");
    EXPECT_EQ(spec.health_check->checker.options_json,
              R"({"expect_status":[200],"headers":{"X-Version":"2"}})");
    EXPECT_EQ(with("    health_check: {type: http, target: 'http://a/'}\n")
                  .health_check->checker.options_json,
              "{}");
}

TEST(SpecLoader, reads_sizes_with_binary_suffixes) {
    const auto size = [](const std::string& text) {
        return with("    resource_limits: {max_memory_bytes: " + text + "}\n")
            .limits.max_memory_bytes;
    };
    EXPECT_EQ(size("4096"), 4096U);
    EXPECT_EQ(size("256M"), 256U << 20U);
    EXPECT_EQ(size("\"2G\""), 2ULL << 30U);
    EXPECT_EQ(size("1KiB"), 1024U);
}

TEST(SpecLoader, reads_both_forms_of_a_schedule) {
    EXPECT_EQ(with("    schedule: '0 3 * * *'\n").schedule->cron, "0 3 * * *");
    EXPECT_TRUE(with("    schedule: '@reboot'\n").schedule->compiled.at_start());
    const auto spec = with("    schedule: {cron: '@daily', timezone: UTC, overlap: queue}\n");
    EXPECT_EQ(spec.schedule->timezone, "UTC");
    EXPECT_EQ(spec.schedule->overlap, model::ScheduleSpec::Overlap::queue);
}

TEST(SpecLoader, resolves_a_relative_directory_against_the_file) {
    const auto result =
        load_spec_text("/etc/syspulse/a.yaml", "daemons: {a: {command: [x], working_dir: ../data}}",
                       fake_options());
    // Below a drive, where there are drives.
    EXPECT_EQ(only(result).working_dir,
              std::filesystem::absolute("/etc/data").make_preferred().string());
}

TEST(SpecLoader, lets_dependencies_cross_files) {
    const SpecText texts[] = {{"a.yaml", "daemons: {a: {command: [x], depends_on: [b]}}"},
                              {"b.yaml", "daemons: {b: {command: [x]}}"}};
    const auto result = load_spec_texts(texts, fake_options());
    EXPECT_EQ(format_errors(result.errors), "");
    EXPECT_EQ(result.daemons.size(), 2U);
}

TEST(SpecLoader, knows_dependencies_that_exist_already) {
    auto options = fake_options();
    options.existing_daemons = {{"db", {}}};
    EXPECT_TRUE(load_spec_text("a", "daemons: {a: {command: [x], depends_on: [db]}}", options)
                    .errors.empty());
}

TEST(SpecLoader, accepts_the_template_as_it_stands) {
    EXPECT_EQ(errors_of(spec_template()), "");
}

TEST(SpecRequest, reports_errors_with_json_pointers) {
    const auto result = load_specs_json(
        R"({"daemons":{"web":{"command":"x"},"a":{"command":["x"],"tags":["b",["c"]]}}})",
        fake_options());
    ASSERT_EQ(result.errors.size(), 2U);
    EXPECT_TRUE(result.errors[0].message.starts_with("/daemons/web/command: \"command\" must be"));
    EXPECT_TRUE(result.errors[1].message.starts_with("/daemons/a/tags/1: every item"));
}

TEST(SpecRequest, is_taken_literally) {
    const auto result = load_specs_json(
        R"({"daemons":{"a":{"command":["${HOME}"],"autostart":true}}})", fake_options());
    EXPECT_THAT(only(result).command, ElementsAre("${HOME}"));
}

TEST(SpecRequest, refuses_duplicate_keys_and_bad_text) {
    EXPECT_EQ(
        format_errors(load_specs_json(R"({"daemons":{"a":{"command":["x"],"command":["y"]}}})",
                                      fake_options())
                          .errors),
        "/daemons/a/command: duplicate key \"command\"");
    EXPECT_EQ(load_specs_json("{", fake_options()).errors.size(), 1U);
    EXPECT_EQ(load_specs_json("", fake_options()).errors.size(), 1U);
}

}  // namespace
}  // namespace syspulse::config
