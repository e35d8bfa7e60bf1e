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

}  // namespace
}  // namespace syspulse::plugin_host
