#include "cli/parser.hpp"

#include <gtest/gtest.h>

#include "unit/cli/fake_manager.hpp"

namespace syspulse::cli {
namespace {

Invocation parsed(const std::vector<std::string>& words) {
    const Parsed result = parse_command_line(words);
    const auto* wrong = std::get_if<UsageError>(&result);
    EXPECT_EQ(wrong == nullptr ? "" : wrong->message, "");
    const auto* invocation = std::get_if<Invocation>(&result);
    return invocation == nullptr ? Invocation{} : *invocation;
}

std::string refused(const std::vector<std::string>& words) {
    const Parsed result = parse_command_line(words);
    const auto* wrong = std::get_if<UsageError>(&result);
    return wrong == nullptr ? "not refused" : wrong->message.substr(0, wrong->message.find('\n'));
}

TEST(Parser, global_options_stand_before_or_after_the_command) {
    for (const auto& words :
         {std::vector<std::string>{"--data-dir", "/d", "--format", "json", "-q", "status", "web"},
          std::vector<std::string>{"status", "web", "--format=json", "--data-dir=/d", "-q"},
          std::vector<std::string>{"-q", "--data-dir", "/d", "status", "--format", "json",
                                   "web"}}) {
        const Invocation invocation = parsed(words);
        ASSERT_NE(invocation.command, nullptr);
        EXPECT_EQ(invocation.command->name, "status");
        EXPECT_EQ(invocation.globals.data_dir, "/d");
        EXPECT_EQ(invocation.globals.format, Format::json);
        EXPECT_TRUE(invocation.globals.quiet);
        EXPECT_EQ(invocation.arguments.positionals, std::vector<std::string>{"web"});
    }
}

TEST(Parser, values_are_read_in_every_spelling) {
    EXPECT_EQ(parsed({"logs", "web", "-n", "7"}).arguments.count("lines"), 7U);
    EXPECT_EQ(parsed({"logs", "web", "-n7"}).arguments.count("lines"), 7U);
    EXPECT_EQ(parsed({"logs", "--lines=7", "web"}).arguments.count("lines"), 7U);
    EXPECT_EQ(parsed({"start", "web", "--timeout", "1.5"}).arguments.duration("timeout"),
              std::chrono::milliseconds{1500});
    EXPECT_EQ(parsed({"stop", "web", "--timeout", "0"}).arguments.duration("timeout"), Duration{0});
    EXPECT_EQ(parsed({"stop", "web", "--timeout", "2m"}).arguments.duration("timeout"),
              std::chrono::minutes{2});
}

TEST(Parser, options_that_repeat_keep_their_order_and_leave_names_alone) {
    const Invocation invocation = parsed({"start", "--tag", "a", "web", "--tag", "b", "db"});
    EXPECT_EQ(invocation.arguments.all("tag"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(invocation.arguments.positionals, (std::vector<std::string>{"web", "db"}));
}

TEST(Parser, patterns_and_words_with_odd_characters_pass_unchanged) {
    const std::vector<std::string> odd{"web-*", "[ab]*", "[ab]", "%h", "a=b", "'x'", "{}"};
    std::vector<std::string> words{"stop"};
    words.insert(words.end(), odd.begin(), odd.end());
    EXPECT_EQ(parsed(words).arguments.positionals, odd);
    EXPECT_EQ(parsed({"stop", "--", "-x"}).arguments.positionals, std::vector<std::string>{"-x"});
}

TEST(Parser, the_command_takes_everything_that_follows_it) {
    const Invocation invocation =
        parsed({"add", "--name", "web", "--command", "sh", "-c", "--help", "--format", "json"});
    EXPECT_EQ(invocation.arguments.all("command"),
              (std::vector<std::string>{"sh", "-c", "--help", "--format", "json"}));
    EXPECT_EQ(invocation.globals.format, Format::table);
}

TEST(Parser, a_schedule_expression_is_one_argument) {
    EXPECT_EQ(parsed({"schedule", "*/5 * * * *", "-n", "2"}).arguments.positionals,
              std::vector<std::string>{"*/5 * * * *"});
}

TEST(Parser, misspelt_words_get_a_suggestion) {
    EXPECT_EQ(refused({"statsu"}), "unknown command \"statsu\"; did you mean \"status\"?");
    EXPECT_EQ(refused({"xyzzy"}), "unknown command \"xyzzy\"");
    EXPECT_EQ(refused({"start", "web", "--wiat"}),
              "unknown option \"--wiat\"; did you mean \"--wait\"?");
    EXPECT_EQ(refused({"plugin", "lst"}),
              "unknown word \"lst\" after plugin; did you mean \"list\"?");
}

TEST(Parser, what_is_missing_or_too_much_is_named) {
    EXPECT_EQ(refused({}), "no command given");
    EXPECT_EQ(refused({"start"}),
              "missing argument: start needs NAME... (or use --tag TAG or --all)");
    EXPECT_EQ(refused({"ping", "web"}), "unexpected argument \"web\"");
    EXPECT_EQ(refused({"add", "--name", "web", "--command"}),
              "--command needs at least one word after it");
    EXPECT_EQ(refused({"schedule", "a", "b"}),
              "unexpected argument \"b\"; put quotes around the expression");
}

TEST(Parser, wrong_values_are_named) {
    EXPECT_EQ(refused({"logs", "web", "-n", "-3"}).substr(0, 7), "--lines");
    EXPECT_EQ(refused({"logs", "web", "-n", "many"}),
              "--lines: \"many\" is not a whole number from 0 to 999999999");
    EXPECT_EQ(refused({"status", "--format", "xml"}),
              "--format: \"xml\" is not a format; use table or json");
    EXPECT_EQ(refused({"start", "web", "--timeout", "soon"}),
              "--timeout: \"soon\" is not a plain number of seconds or a duration such as 1m30s");
    EXPECT_EQ(refused({"start", "web", "--data-dir", ""}), "--data-dir: the value is empty");
    EXPECT_EQ(refused({"--data-dir", "a", "--data-dir", "b", "ping"}),
              "--data-dir is given more than once");
    EXPECT_NE(refused({"start", "web", "--timeout"}), "not refused");
}

TEST(Parser, a_name_is_not_empty) {
    EXPECT_EQ(refused({"start", "web", ""}), "a name must not be empty");
    EXPECT_EQ(refused({"validate", ""}), "the name of a file must not be empty");
}

TEST(Parser, selected_daemons_need_no_name) {
    EXPECT_TRUE(parsed({"stop", "--all"}).arguments.has("all"));
    EXPECT_EQ(parsed({"signal", "--tag", "web", "HUP"}).arguments.positionals,
              std::vector<std::string>{"HUP"});
}

TEST(Parser, help_is_given_whatever_else_is_wrong) {
    for (const auto& words :
         {std::vector<std::string>{"start", "--help"}, std::vector<std::string>{"start", "-h"},
          std::vector<std::string>{"--help", "start"}}) {
        const Parsed result = parse_command_line(words);
        const auto* help = std::get_if<HelpWanted>(&result);
        ASSERT_NE(help, nullptr);
        ASSERT_NE(help->command, nullptr);
        EXPECT_EQ(help->command->name, "start");
    }
    EXPECT_TRUE(std::holds_alternative<HelpWanted>(parse_command_line({"--help"})));
    EXPECT_TRUE(std::holds_alternative<VersionWanted>(parse_command_line({"--version"})));
}

TEST(Parser, usage_errors_come_in_the_format_asked_for) {
    const Parsed result = parse_command_line({"statsu", "--format", "json"});
    ASSERT_TRUE(std::holds_alternative<UsageError>(result));
    EXPECT_EQ(std::get<UsageError>(result).format, Format::json);
}

TEST(Output, that_cannot_be_written_is_a_failure) {
    for (const char* word : {"--version", "--help", "status"}) {
        testing::World world;
        world.has({{"web", ""}});
        world.output_fails = true;
        const auto outcome = world.run({word});
        EXPECT_EQ(outcome.code, 1) << word;
        EXPECT_NE(outcome.err.find("cannot write"), std::string::npos) << word;
    }
}

}  // namespace
}  // namespace syspulse::cli
