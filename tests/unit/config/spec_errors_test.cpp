// Every mistake that the contract names, with the exact place at which it is reported.
#include <gtest/gtest.h>

#include <string>

#include "unit/config/config_fixture.hpp"

namespace syspulse::config {
namespace {

struct Mistake {
    const char* name;
    const char* text;
    const char* errors;
};

class SpecMistake : public testing::TestWithParam<Mistake> {};

TEST_P(SpecMistake, is_reported_at_its_place) {
    EXPECT_EQ(errors_of(GetParam().text), GetParam().errors);
}

// A daemon "a" with a good command (line 3) and `extra` from line 4 on.
#define WITH(extra) "daemons:\n  a:\n    command: [x]\n" extra

constexpr Mistake mistakes[] = {
    {"empty_file", "", "a.yaml:1:1: the file is empty: it needs a \"daemons\" block"},
    {"only_comments", "# x\n", "a.yaml:1:1: the file is empty: it needs a \"daemons\" block"},
    {"second_document", "daemons: {a: {command: [x]}}\n---\ndaemons: {}\n",
     "a.yaml:2:1: a spec file holds one document: remove the second \"---\""},
    {"no_daemons", "x-a: 1\n", "a.yaml:1:1: there is no \"daemons\" block"},
    {"unknown_top_key", "daemon: {}\n",
     "a.yaml:1:1: unknown key \"daemon\"; did you mean \"daemons\"?\n"
     "a.yaml:1:1: there is no \"daemons\" block"},
    {"plugins_elsewhere", WITH("plugins: {http: {isolation: none}}\n"),
     "a.yaml:4:1: \"plugins\" is the manager's own configuration; give the file to syspulse daemon "
     "--config or syspulse up"},
    {"misspelt_key", "daemons:\n  a:\n    comand: [x]\n",
     "a.yaml:2:3: daemon \"a\" has no \"command\"\n"
     "a.yaml:3:5: unknown key \"comand\"; did you mean \"command\"?"},
    {"key_left_short", WITH("    restart: always\n"),
     "a.yaml:4:5: unknown key \"restart\"; did you mean \"restart_policy\"?"},
    {"command_string", "daemons:\n  a:\n    command: sleep 10\n",
     "a.yaml:3:14: \"command\" must be a list of arguments, found the text \"sleep 10\": write "
     "[program, argument], or [sh, -c, \"...\"] for a shell"},
    {"command_empty", "daemons:\n  a:\n    command: []\n",
     "a.yaml:3:14: \"command\" must name a program"},
    {"command_nested", "daemons:\n  a:\n    command: [x, [y]]\n",
     "a.yaml:3:18: every item of \"command\" must be a text without NUL bytes, found a list"},
    {"bad_name", "daemons:\n  -a:\n    command: [x]\n",
     "a.yaml:2:3: invalid daemon name \"-a\": use 1 to 128 letters, digits, '.', '_', '@' or '-', "
     "beginning with a letter or digit"},
    {"duplicate_daemon", "daemons:\n  a: {command: [x]}\n  a: {command: [y]}\n",
     "a.yaml:3:3: duplicate key \"a\""},
    {"duplicate_key", WITH("    command: [y]\n"), "a.yaml:4:5: duplicate key \"command\""},
    {"wrong_type", WITH("    autostart: maybe\n"),
     "a.yaml:4:16: \"autostart\" must be true or false, found the text \"maybe\""},
    {"negative_time", WITH("    stop_timeout_secs: -1\n"),
     "a.yaml:4:24: \"stop_timeout_secs\" must be a number of seconds from 0 to ten years, found "
     "the "
     "number -1"},
    {"infinite_time", WITH("    stop_timeout_secs: .inf\n"),
     "a.yaml:4:24: \"stop_timeout_secs\" must be a number of seconds from 0 to ten years, found "
     "the "
     "text \".inf\""},
    {"exit_code", WITH("    success_exit_codes: [0, 256]\n"),
     "a.yaml:4:29: every item of \"success_exit_codes\" must be a whole number from 0 to 255, "
     "found "
     "the number 256"},
    {"signal", WITH("    stop_signal: SIGTREM\n"),
     "a.yaml:4:18: unknown signal \"SIGTREM\"; did you mean \"SIGTERM\"?"},
    {"user", WITH("    user: nobdy\n"),
     "a.yaml:4:11: unknown user \"nobdy\": create it or name another"},
    {"user_of_a_group", WITH("    user: nobdy:root\n"),
     "a.yaml:4:11: unknown user \"nobdy\": create it or name another"},
    {"group", WITH("    user: root:nosuch\n"),
     "a.yaml:4:11: unknown group \"nosuch\": create it or name another"},
    {"group_of_a_number", WITH("    user: '1234:nosuch'\n"),
     "a.yaml:4:11: unknown group \"nosuch\": create it or name another"},
    {"user_number", WITH("    user: '1234'\n"),
     "a.yaml:4:11: no account has the number 1234: with a group it needs none, as in "
     "\"1234:1234\""},
    {"driver", WITH("    driver: cgrop\n"),
     "a.yaml:4:13: unknown driver \"cgrop\"; did you mean \"cgroup\"?"},
    {"driver_far", WITH("    driver: {type: docker}\n"),
     "a.yaml:4:20: unknown driver \"docker\"; available: posix, cgroup; --plugin-dir or "
     "SYSPULSE_PLUGIN_PATH names directories with others"},
    {"driver_id", WITH("    driver: org.example.groups\n"),
     "a.yaml:4:13: unknown driver \"org.example.groups\"; that is the id of a plugin, whose driver "
     "is called \"cgroup\""},
    {"driver_option", WITH("    driver: {type: cgroup, with: {slise: a}}\n"),
     "a.yaml:4:35: unknown option \"slise\"; did you mean \"slice\"?"},
    {"checker", WITH("    health_check: {type: htp, target: 'http://a/'}\n"),
     "a.yaml:4:26: unknown checker \"htp\"; did you mean \"http\"?"},
    {"checker_option",
     WITH("    health_check: {type: http, target: 'http://a/', with: {expect_status: [700]}}\n"),
     "a.yaml:4:76: every item of \"expect_status\" must be at most 599, found the number 700"},
    {"tcp_target", WITH("    health_check: {type: tcp, target: '::1:80'}\n"),
     "a.yaml:4:39: the target of a tcp check must be host:port, with an IPv6 address in brackets, "
     "found \"::1:80\""},
    {"http_target", WITH("    health_check: {type: http, target: 'localhost'}\n"),
     "a.yaml:4:40: the target of an http check must be a URL such as http://127.0.0.1:8000/, found "
     "\"localhost\""},
    {"zero_retries", WITH("    health_check: {type: tcp, target: 'a:1', retries: 0}\n"),
     "a.yaml:4:55: \"retries\" must be a whole number from 1 to 1000000, found the number 0"},
    {"on_unhealthy", WITH("    health_check: {type: tcp, target: 'a:1', on_unhealthy: restrt}\n"),
     "a.yaml:4:60: \"on_unhealthy\" must be one of restart, none, found the text \"restrt\"; did "
     "you "
     "mean \"restart\"?"},
    {"policy_word", WITH("    restart_policy: on-failure\n"),
     "a.yaml:4:21: \"restart_policy\" must be one of never, always, on_failure, found the text "
     "\"on-failure\"; did you mean \"on_failure\"?"},
    {"backoff", WITH("    restart_policy: {policy: always, backoff_base_secs: 400}\n"),
     "a.yaml:4:57: \"backoff_base_secs\" must not be above \"backoff_max_secs\" (5m 0s)"},
    {"size", WITH("    resource_limits: {max_memory_bytes: 12X}\n"),
     "a.yaml:4:41: \"max_memory_bytes\" must be a size above 0 such as 1048576, 512K, 256M or 2G, "
     "found the text \"12X\""},
    {"not_enforced", WITH("    resource_limits: {max_cpu_percent: 50}\n"),
     "a.yaml:4:23: the driver \"posix\" cannot enforce \"max_cpu_percent\": use one that can: "
     "cgroup"},
    {"unknown_dependency", WITH("    depends_on: [b]\n"),
     "a.yaml:4:18: unknown daemon \"b\" in \"depends_on\""},
    {"self_dependency", WITH("    depends_on: [a]\n"),
     "a.yaml:4:18: the daemon \"a\" depends on itself"},
    {"cycle",
     "daemons:\n  a: {command: [x], depends_on: [b]}\n  b: {command: [x], depends_on: [a]}\n",
     "a.yaml:2:34: dependency cycle: a -> b -> a"},
    {"overlap", WITH("    schedule: {cron: '@daily', overlap: skp}\n"),
     "a.yaml:4:41: \"overlap\" must be one of skip, queue, replace, found the text \"skp\"; did "
     "you "
     "mean \"skip\"?"},
    {"unset_variable", WITH("    working_dir: ${NOPE}\n"),
     "a.yaml:4:18: the environment variable \"NOPE\" is not set: set it or write ${NOPE:-default}\n"
     "a.yaml:4:18: \"working_dir\" must not be empty"},
    {"variable_not_utf8", WITH("    description: ${LATIN1}\n"),
     "a.yaml:4:18: the environment variable \"LATIN1\" is not UTF-8: a spec cannot hold it"},
    {"open_variable", WITH("    description: a ${HOME\n"),
     "a.yaml:4:18: \"${\" has no closing brace: write $$ for a dollar sign"},
    {"merge_of_a_word", WITH("    <<: b\n"),
     "a.yaml:4:9: \"<<\" must name a map or a list of maps, found the text \"b\""},
    {"tag", WITH("    description: !foo b\n"),
     "a.yaml:4:18: the tag \"!foo\" is not known: remove it"},
    {"null_value", WITH("    tags:\n    autostart: true\n"),
     "a.yaml:4:5: \"tags\" must be a list, found nothing"},
    {"duplicate_tag", WITH("    tags: [a, a]\n"), "a.yaml:4:15: \"a\" stands twice in \"tags\""},
    {"not_utf8", WITH("    description: \"\xff\"\n"),
     "a.yaml:4:19: the text is not UTF-8: save the file in UTF-8"},
    {"control_character", WITH("    description: \x1b[1m\n"),
     "a.yaml:4:18: the text has the control character U+001B: remove it, or write \"\\x1B\" in a "
     "quoted text"},
};

INSTANTIATE_TEST_SUITE_P(Contract, SpecMistake, testing::ValuesIn(mistakes),
                         [](const auto& mistake) { return std::string(mistake.param.name); });

TEST(SpecErrors, syntax_errors_carry_their_place) {
    const auto tab = load("daemons:\n\ta: {}\n");
    ASSERT_EQ(tab.errors.size(), 1U);
    EXPECT_EQ(tab.errors[0].line, 2);
    EXPECT_TRUE(tab.errors[0].message.ends_with("; indent with spaces, tabs are not allowed"))
        << tab.errors[0].message;
    const auto open = load("daemons: {a: [b\n");
    ASSERT_EQ(open.errors.size(), 1U);
    EXPECT_TRUE(open.errors[0].message.starts_with("invalid YAML: ")) << open.errors[0].message;
}

TEST(SpecErrors, cron_errors_stand_at_the_expression) {
    const auto result = load(WITH("    schedule: '61 * * * *'\n"));
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_EQ(result.errors[0].line, 4);
    EXPECT_EQ(result.errors[0].column, 15);
}

TEST(SpecErrors, a_wrong_time_zone_stands_at_the_zone) {
    const auto result = load(WITH("    schedule: {cron: '@daily', timezone: Europe/Nowhere}\n"));
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_EQ(result.errors[0].column, 42);
}

TEST(SpecErrors, all_errors_come_at_once_in_the_order_of_lines) {
    const auto result = load(WITH("    user: nope\n    retries: 1\n    autostart: 3\n"));
    ASSERT_EQ(result.errors.size(), 3U);
    EXPECT_EQ(result.errors[0].line, 4);
    EXPECT_EQ(result.errors[2].line, 6);
}

TEST(SpecErrors, a_mistake_behind_an_alias_is_reported_once_where_it_is_written) {
    EXPECT_EQ(errors_of("x-a: &a {command: [x], autostart: 3}\ndaemons:\n  a: *a\n  b: *a\n"),
              "a.yaml:1:35: \"autostart\" must be true or false, found the number 3");
}

TEST(SpecErrors, an_alias_bomb_is_refused) {
    std::string text = "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string ref = "*a" + std::to_string(i - 1);
        text += "x-" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + ref;
        for (int j = 1; j < 10; ++j) text += ", " + ref;
        text += "]\n";
    }
    const auto result = load(text + "daemons: {a: {command: [x]}}\n");
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_NE(result.errors[0].message.find("too large once its aliases are expanded"),
              std::string::npos);
}

TEST(SpecErrors, deep_nesting_is_refused) {
    const auto result = load("x-a: " + std::string(100, '[') + std::string(100, ']') + "\n");
    ASSERT_FALSE(result.errors.empty());
    EXPECT_EQ(result.errors[0].message, "nested too deeply: at most 64 levels");
}

TEST(SpecErrors, an_alias_inside_its_own_anchor_is_refused) {
    const auto result = load("x-a: &a [*a]\ndaemons: {a: {command: [x]}}\n");
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_EQ(format_error(result.errors[0]),
              "a.yaml:1:10: the alias stands inside its own anchor");
}

TEST(SpecErrors, a_name_in_two_files_is_refused) {
    const SpecText texts[] = {{"a.yaml", "daemons: {a: {command: [x]}}"},
                              {"b.yaml", "daemons: {a: {command: [x]}}"}};
    EXPECT_EQ(format_errors(load_spec_texts(texts, fake_options()).errors),
              "b.yaml:1:11: the daemon \"a\" is declared already in a.yaml:1");
}

TEST(SpecErrors, what_the_driver_refuses_is_told_at_its_place) {
    const std::string head = "daemons:\n  a:\n    command: [x]\n";
    const std::string limits = "    resource_limits: {max_memory_bytes: 1M, max_processes: 8}\n";
    const auto said = [&](const std::string& spec, const std::string& refusal) {
        auto options = fake_options();
        options.try_driver = [&](const model::PluginChoice& driver, const auto&) -> Result<void> {
            EXPECT_EQ(driver.type, "cgroup");
            return Error{ErrorCode::invalid_argument, refusal};
        };
        return format_errors(load_spec_text("a.yaml", head + spec, options).errors);
    };
    EXPECT_EQ(said("    driver: cgroup\n" + limits, "/resource_limits/max_processes: no pids"),
              "a.yaml:5:45: the driver \"cgroup\" refuses \"max_processes\": no pids");
    EXPECT_EQ(said("    driver: {type: cgroup, with: {umask: '027'}}\n", "/umask: no"),
              "a.yaml:4:35: the driver \"cgroup\" refuses \"umask\": no");
    EXPECT_EQ(said("    driver: cgroup\n", "/umask: no"),
              "a.yaml:4:13: the driver \"cgroup\" refuses its options: /umask: no");
    EXPECT_EQ(said("    driver: cgroup\n", "no cgroups"),
              "a.yaml:4:13: the driver \"cgroup\" refuses its options: no cgroups");
}

TEST(SpecErrors, a_driver_is_not_asked_about_what_is_wrong_already) {
    auto options = fake_options();
    options.try_driver = [](const model::PluginChoice&, const auto&) -> Result<void> {
        return Error{ErrorCode::invalid_argument, "asked"};
    };
    EXPECT_EQ(format_errors(load_spec_text("a.yaml",
                                           "daemons:\n  a:\n    command: [x]\n"
                                           "    driver: {type: cgroup, with: {slise: b}}\n",
                                           options)
                                .errors),
              "a.yaml:4:35: unknown option \"slise\"; did you mean \"slice\"?");
}

TEST(SpecErrors, a_missing_file_is_named) {
    const auto result = load_spec_file("/nonexistent/a.yaml", fake_options());
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_EQ(format_error(result.errors[0]),
              "/nonexistent/a.yaml: cannot read the spec file: No such file or directory");
}

TEST(SpecErrors, a_path_that_ends_with_a_separator_is_explained) {
    const std::string name = std::string("nonexistent.yaml") +
                             static_cast<char>(std::filesystem::path::preferred_separator);
    const auto result = load_spec_file(name, fake_options());
    ASSERT_EQ(result.errors.size(), 1U);
    const std::string told = format_error(result.errors[0]);
    EXPECT_TRUE(told.starts_with(name + ": cannot read the spec file: ")) << told;
    const std::string advice = "; its path ends as that of a directory: leave out the last \"";
    EXPECT_TRUE(told.ends_with(advice + name.back() + '"')) << told;
}

TEST(SpecErrors, a_user_that_the_manager_cannot_become_is_refused) {
    LoadOptions options = fake_options();
    options.may_become = [](const std::string& user) { return user == "www-data"; };
    const auto errors = [&](std::string_view text) {
        return format_errors(load_spec_text("a.yaml", text, options).errors);
    };
    EXPECT_EQ(errors(WITH("    user: www-data\n")), "");
    EXPECT_EQ(errors(WITH("    user: root\n")),
              "a.yaml:4:11: cannot run as the user \"root\": only a manager of root can, and this "
              "is none; leave \"user\" out, or run the manager as root");
}

TEST(SpecErrors, a_cycle_through_an_existing_daemon_is_found) {
    auto options = fake_options();
    options.existing_daemons = {{"db", {"a"}}};
    const auto result =
        load_spec_text("a.yaml", "daemons: {a: {command: [x], depends_on: [db]}}", options);
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_TRUE(result.errors[0].message.starts_with("dependency cycle: "));
}

TEST(SpecErrors, what_only_other_systems_have_is_refused_with_an_alternative) {
    LoadOptions options = fake_options();
    options.user_refusal = "no users here; remove \"user\"";
    options.stop_signals = {2, 15};
    options.drivers_elsewhere = {{"job", "the driver job needs Windows"},
                                 {"cgroup", "known here, so this is not said"}};
    const auto errors = [&](std::string_view text) {
        return format_errors(load_spec_text("a.yaml", text, options).errors);
    };
    EXPECT_EQ(errors(WITH("    user: root\n")), "a.yaml:4:11: no users here; remove \"user\"");
    EXPECT_EQ(errors(WITH("    driver: job\n")), "a.yaml:4:13: the driver job needs Windows");
    EXPECT_EQ(errors(WITH("    driver: {type: job}\n")),
              "a.yaml:4:20: the driver job needs Windows");
    EXPECT_EQ(errors(WITH("    driver: cgroup\n")), "");
    EXPECT_EQ(errors(WITH("    stop_signal: SIGINT\n")), "");
    EXPECT_EQ(errors(WITH("    stop_signal: USR1\n")),
              "a.yaml:4:18: this system has no signal SIGUSR1; use one of SIGINT, SIGTERM, or an "
              "option of the driver");
    // Without plugins to check against, as a client reads a file.
    options.plugins = nullptr;
    EXPECT_EQ(errors(WITH("    driver: job\n")), "a.yaml:4:13: the driver job needs Windows");
}

}  // namespace
}  // namespace syspulse::config
