// The block "plugins" of the manager's configuration.
#include <gtest/gtest.h>

#include <string>

#include "config/spec_loader.hpp"

namespace syspulse::config {
namespace {

LoadResult load(std::string_view text) {
    LoadOptions options;
    options.accepts_plugins = true;
    options.user_exists = [](std::string_view user) { return user == "nobody"; };
    return load_spec_text("m.yaml", text, options);
}

TEST(PluginSettings, are_read_in_full_and_need_no_daemons) {
    const auto loaded = load(R"(
plugins:
  org.example.probe:
    isolation: process
    user: nobody
    group: nogroup
    watchdog_secs: 2.5
    limits: {max_memory_bytes: 64M, max_open_files: 100}
    restart: {max_retries: 3, backoff_base_secs: 0.5, backoff_max_secs: 10, reset_after_secs: 5}
  posix: {isolation: none}
  tcp: {}
)");
    ASSERT_EQ(format_errors(loaded.errors), "");
    ASSERT_EQ(loaded.plugins.size(), 3U);
    const PluginSetting& probe = loaded.plugins[0];
    EXPECT_EQ(probe.name, "org.example.probe");
    EXPECT_EQ(probe.isolated, true);
    EXPECT_EQ(probe.user, "nobody");
    EXPECT_EQ(probe.group, "nogroup");
    EXPECT_EQ(probe.watchdog, std::chrono::milliseconds{2500});
    EXPECT_EQ(probe.max_memory_bytes, 64ULL << 20);
    EXPECT_EQ(probe.max_open_files, 100U);
    EXPECT_EQ(probe.max_retries, 3U);
    EXPECT_EQ(probe.backoff_base, std::chrono::milliseconds{500});
    EXPECT_EQ(probe.backoff_max, std::chrono::seconds{10});
    EXPECT_EQ(probe.reset_after, std::chrono::seconds{5});
    EXPECT_EQ(loaded.plugins[1].isolated, false);
    PluginSetting nothing;
    nothing.name = "tcp";
    EXPECT_EQ(loaded.plugins[2], nothing);
}

TEST(PluginSettings, mistakes_are_reported_at_their_places) {
    const auto loaded = load(
        "plugins:\n"
        "  a: {isolation: container}\n"
        "  b:\n"
        "    user: nobdy\n"
        "    limits: {max_memory_bytes: 1M}\n"
        "  c: {isolation: none, watchdog_secs: 1}\n"
        "  d: {watchdog_secs: 0}\n"
        "  e: {restrat: {}}\n"
        "  f: 5\n"
        "  g: {user: daemon:daemon}\n");
    const std::string errors = format_errors(loaded.errors);
    for (const char* expected :
         {"m.yaml:2:18: ", "m.yaml:4:11: there is no user \"nobdy\"", "m.yaml:5:32: ",
          "must be at least 16M", "m.yaml:6:24: \"watchdog_secs\" has no effect with",
          "m.yaml:7:22: ", "m.yaml:8:7: unknown key \"restrat\"; did you mean \"restart\"?",
          "m.yaml:9:6: ", "m.yaml:10:13: write the group as"}) {
        EXPECT_NE(errors.find(expected), std::string::npos) << expected << " in:\n" << errors;
    }
}

TEST(PluginSettings, requests_are_refused_them) {
    const auto loaded =
        load_specs_json(R"({"daemons": {"a": {"command": ["x"]}}, "plugins": {}})", {});
    EXPECT_NE(format_errors(loaded.errors).find("manager's own configuration"), std::string::npos);
}

}  // namespace
}  // namespace syspulse::config
