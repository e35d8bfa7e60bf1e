#include "plugin_host/plugin_secrets.hpp"

#include <gmock/gmock.h>

namespace syspulse::plugin_host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* schema = R"({"type": "object", "properties": {
    "key": {"type": "string", "x-syspulse-secret": true},
    "pin": {"type": "integer", "x-syspulse-secret": true},
    "open": {"type": "string"},
    "headers": {"type": "object", "additionalProperties": {"type": "string", "x-syspulse-secret": true}},
    "keys": {"type": "array", "items": {"type": "string", "x-syspulse-secret": true}},
    "login": {"type": "object", "x-syspulse-secret": true, "properties": {"name": {"type": "string"}}}}})";

TEST(PluginSecrets, are_what_the_schema_marks_wherever_it_stands) {
    EXPECT_THAT(
        secret_values(schema, R"({"key": "swordfish", "pin": 47110815, "open": "sesame",
        "headers": {"a": "first header"}, "keys": ["one key", "another"], "login": {"name": "root!"}})"),
        ElementsAre("first header", "swordfish", "47110815", "another", "one key", "root!"));
}

TEST(PluginSecrets, that_are_hardly_one_are_left_alone) {
    EXPECT_THAT(secret_values(schema, R"({"key": "abc", "pin": 1})"), IsEmpty());
    EXPECT_THAT(secret_values(R"({"type": "object"})", R"({"key": "swordfish"})"), IsEmpty());
    EXPECT_THAT(secret_values("no x-syspulse-secret schema", R"({"key": "swordfish"})"), IsEmpty());
}

TEST(PluginSecrets, are_hidden_each_time_and_the_longer_first) {
    EXPECT_EQ(without_secrets("a swordfish, two swordfish", {"swordfish", "sword"}),
              "a ***, two ***");
    EXPECT_EQ(without_secrets("swords", {"swordfish", "sword"}), "***s");
    EXPECT_EQ(without_secrets("***", {"***"}), "***");
}

TEST(PluginSecrets, of_one_call_after_the_other_are_hidden_the_longest_first) {
    std::vector<std::string> known;
    add_secrets(known, {"abcd"});
    add_secrets(known, {"abcdefgh", "abcd"});
    EXPECT_THAT(known, ElementsAre("abcdefgh", "abcd"));
    EXPECT_EQ(without_secrets("abcdefgh abcd", known), "*** ***");
}

std::string shown(const std::string& text, std::size_t limit,
                  const std::vector<std::string>& secrets) {
    return safe_text_without({text.data(), text.size()}, limit, secrets);
}

TEST(PluginSecrets, are_hidden_before_anything_of_them_is_replaced) {
    EXPECT_EQ(shown("a\tb: sword\tfish!\n", 1024, {"sword\tfish"}), "a b: ***!");
}

TEST(PluginSecrets, are_hidden_before_anything_of_them_is_cut_off) {
    const std::vector<std::string> secrets{"swordfish", "tuna"};
    const std::string all = "tuna tuna tuna tuna swordfish swordfish tuna swordfish";
    for (std::size_t limit = 0; limit <= all.size(); ++limit) {
        const std::string seen = shown(all, limit, secrets);
        EXPECT_LE(seen.size(), limit);
        EXPECT_EQ(seen.find_first_not_of("* "), std::string::npos) << limit << ": " << seen;
    }
    EXPECT_EQ(shown("plain words", 5, secrets), "plain");
    EXPECT_EQ(shown("plain words", 5, {}), "plain");
    EXPECT_EQ(safe_text_without({nullptr, 3}, 5, secrets), "");
}

}  // namespace
}  // namespace syspulse::plugin_host
