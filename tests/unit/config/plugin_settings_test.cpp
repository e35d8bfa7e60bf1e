// The block "plugins" of the manager's configuration.
#include <gtest/gtest.h>

#include <string>

#include "config/spec_loader.hpp"

namespace syspulse::config {
namespace {

LoadResult load(std::string_view text, const KnownPlugins* plugins = nullptr) {
    LoadOptions options;
    options.plugins = plugins;
    options.accepts_plugins = true;
    options.user_exists = [](std::string_view user) { return user == "nobody" || user == "root"; };
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
    const PluginSetting& nothing = loaded.plugins[2];
    EXPECT_EQ(nothing.name, "tcp");
    EXPECT_FALSE(nothing.isolated || nothing.max_memory_bytes || nothing.max_open_files ||
                 nothing.watchdog || nothing.backoff_base || nothing.backoff_max ||
                 nothing.reset_after || nothing.max_retries);
    EXPECT_EQ(nothing.user + nothing.group, "");
    EXPECT_EQ(nothing.file + ":" + std::to_string(nothing.line), "m.yaml:11");
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

KnownPlugins installed() {
    KnownPlugins known;
    known.names = {{"syspulse.tcp", "tcp", {"tcp"}},
                   {"com.example.nice-exec", "libnice", {"nicely", "at-ease"}},
                   {"", "broken", {}}};
    return known;
}

TEST(PluginSettings, of_no_plugin_are_told_at_their_place_with_what_may_be_meant) {
    const KnownPlugins known = installed();
    const std::vector<std::pair<std::string, std::string>> meant = {
        {"tpc", "tcp"},
        {"nice-exce", "com.example.nice-exec"},
        {"libnise", "libnice"},
        {"com.exmple.nice-exec", "com.example.nice-exec"},
        {"at-ease", "com.example.nice-exec"},
        {"brokn", "broken"}};
    for (const auto& [name, right] : meant) {
        const auto loaded = load("plugins:\n  " + name + ": {}\n", &known);
        EXPECT_TRUE(loaded.errors.empty()) << format_errors(loaded.errors);
        EXPECT_EQ(format_errors(loaded.warnings),
                  "m.yaml:2:3: the settings of plugin \"" + name +
                      "\" are for none that is installed; did you mean \"" + right +
                      "\"?; see: syspulse plugin list");
    }
    for (const char* name : {"tcp", "syspulse.tcp", "libnice", "broken"}) {
        const auto loaded = load("plugins:\n  " + std::string(name) + ": {}\n", &known);
        EXPECT_TRUE(loaded.warnings.empty()) << format_errors(loaded.warnings);
    }
    EXPECT_EQ(load("plugins: {zzzzzzzz: {}}\n", &known).warnings.size(), 1U);
    EXPECT_TRUE(load("plugins: {zzzzzzzz: {}}\n").warnings.empty()) << "nobody can tell";
}

TEST(PluginSettings, of_one_plugin_by_two_names_must_not_differ) {
    const KnownPlugins known = installed();
    const auto errors = [&known](const std::string& one, const std::string& other) {
        const auto loaded =
            load("plugins:\n  libnice: {" + one + "}\n  com.example.nice-exec: {" + other + "}\n",
                 &known);
        return format_errors(loaded.errors);
    };
    EXPECT_EQ(errors("isolation: none", "isolation: process"),
              "m.yaml:3:3: \"com.example.nice-exec\" is the plugin that stands as \"libnice\" in "
              "m.yaml:2:3 already, with another \"isolation\"; give one plugin one block");
    for (const auto& [key, other] : std::vector<std::pair<std::string, std::string>>{
             {"user: nobody", "user: root"},
             {"group: a", "group: b"},
             {"watchdog_secs: 1", "watchdog_secs: 2"},
             {"limits: {max_memory_bytes: 64M}", "limits: {max_memory_bytes: 65M}"},
             {"limits: {max_open_files: 64}", "limits: {max_open_files: 65}"},
             {"restart: {backoff_base_secs: 1}", "restart: {backoff_base_secs: 2}"},
             {"restart: {backoff_max_secs: 1}", "restart: {backoff_max_secs: 2}"},
             {"restart: {reset_after_secs: 1}", "restart: {reset_after_secs: 2}"},
             {"restart: {max_retries: 1}", "restart: {max_retries: 2}"}}) {
        EXPECT_NE(errors(key, other).find("m.yaml:3:"), std::string::npos) << key;
        EXPECT_EQ(errors(key, key), "") << key;
        EXPECT_EQ(errors(key, ""), "") << key;
    }
}

TEST(PluginSettings, requests_are_refused_them) {
    const auto loaded =
        load_specs_json(R"({"daemons": {"a": {"command": ["x"]}}, "plugins": {}})", {});
    EXPECT_NE(format_errors(loaded.errors).find("manager's own configuration"), std::string::npos);
}

}  // namespace
}  // namespace syspulse::config
