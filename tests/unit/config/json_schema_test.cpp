#include "config/json_schema.hpp"

#include <gtest/gtest.h>

#include <string>

namespace syspulse::config {
namespace {

std::string schema_error(std::string_view schema) {
    const auto result = check_schema(schema);
    return result ? "" : result.error().message;
}

std::string completed(std::string_view schema, std::string_view options) {
    const auto result = complete_options(schema, options);
    return result ? *result : result.error().message;
}

std::string property(const std::string& schema) {
    return R"({"type":"object","properties":{"a":)" + schema + "}}";
}

TEST(JsonSchema, refuses_keywords_outside_the_subset) {
    EXPECT_EQ(schema_error(R"({"type":"object","$ref":"#/x"})").substr(0, 43),
              "invalid schema: /$ref: unknown keyword \"$re");
    EXPECT_NE(schema_error(R"({"type":"object","propertys":{}})").find("\"properties\"?"),
              std::string::npos);
}

TEST(JsonSchema, refuses_schemas_that_cannot_work) {
    for (const char* schema :
         {"{", "[]", R"({"type":"list"})", R"({"type":"array"})", R"({"required":["a"]})"}) {
        EXPECT_NE(schema_error(schema), "") << schema;
    }
    for (const char* schema :
         {R"({"type":"integer","default":"x"})", R"x({"pattern":"("})x", R"x({"pattern":"(?=a)"})x",
          R"({"minItems":-1})", R"({"format":"date"})", R"({"enum":[]})",
          R"({"x-syspulse-restart":"maybe"})"}) {
        EXPECT_NE(schema_error(property(schema)), "") << schema;
    }
    EXPECT_NE(schema_error(std::string(70000, ' ')), "");
}

TEST(JsonSchema, takes_no_schema_for_no_options) {
    EXPECT_EQ(completed("", "{}"), "{}");
    EXPECT_EQ(completed("", R"({"a":1})"), "invalid options: /a: unknown option \"a\"");
}

TEST(JsonSchema, fills_in_defaults_also_below_given_objects) {
    const auto schema =
        property(R"({"type":"object","properties":{"b":{"type":"integer","default":3}}})");
    EXPECT_EQ(completed(schema, R"({"a":{}})"), R"({"a":{"b":3}})");
    EXPECT_EQ(completed(schema, "{}"), "{}");
}

TEST(JsonSchema, leaves_defaults_out_where_they_are_not_wanted) {
    const std::string schema =
        R"({"type":"object","required":["a"],"properties":{"a":{"type":"integer","default":3},)"
        R"("b":{"type":"string"},"c":{"type":"object","properties":{"d":{"default":1}}}}})";
    Issues issues;
    Value options;
    JsonSchema::parse(schema)->apply(options, issues, Defaults::left_out);
    EXPECT_EQ(to_json_text(options), "{}");
    options.members.push_back({"c", {}, {}});
    options.members.back().value.kind = Value::Kind::map;
    JsonSchema::parse(schema)->apply(options, issues, Defaults::left_out);
    EXPECT_EQ(to_json_text(options), R"({"c":{}})");
    EXPECT_TRUE(issues.empty());
    options.members.push_back({"z", {}, {}});
    JsonSchema::parse(schema)->apply(options, issues, Defaults::left_out);
    ASSERT_EQ(issues.size(), 1U);
}

TEST(JsonSchema, completes_options_by_the_schema_at_hand) {
    const auto complete = options_completer();
    const auto old = property(R"({"type":"integer","default":3})");
    const auto fresh = property(R"({"type":"integer","default":4,"maximum":5})");
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(*complete(old, "{}"), R"({"a":3})");
        EXPECT_EQ(*complete(old, ""), R"({"a":3})");
        EXPECT_EQ(*complete(fresh, "{}"), R"({"a":4})");
        EXPECT_EQ(*complete(old, R"({"a":9})"), R"({"a":9})");
        EXPECT_EQ(complete(fresh, R"({"a":9})").error().message,
                  "invalid options: /a: \"a\" must be at most 5, found the number 9");
        EXPECT_EQ(*complete("{", "{}"), "{}");
        EXPECT_EQ(*complete("{", R"({"a":9})"), R"({"a":9})");
    }
    for (int i = 0; i < 200; ++i) {
        const auto schema = property(R"({"default":)" + std::to_string(i) + "}");
        EXPECT_EQ(*complete(schema, "{}"), R"({"a":)" + std::to_string(i) + "}");
    }
}

TEST(JsonSchema, checks_each_keyword) {
    const auto check = [](const std::string& schema, const std::string& value) {
        return completed(property(schema), R"({"a":)" + value + "}");
    };
    EXPECT_EQ(check(R"({"type":"integer","minimum":1})", "0"),
              "invalid options: /a: \"a\" must be at least 1, found the number 0");
    EXPECT_EQ(check(R"({"type":"string","minLength":1})", "\"\""),
              "invalid options: /a: \"a\" must not be empty");
    EXPECT_EQ(check(R"({"type":"string","pattern":"[a-z]+"})", "\"a1\""),
              "invalid options: /a: \"a\" must match the pattern [a-z]+");
    EXPECT_EQ(check(R"({"enum":["x",2]})", "3"),
              "invalid options: /a: \"a\" must be one of x, 2, found the number 3");
    EXPECT_EQ(check(R"({"type":"array","maxItems":1})", "[1,2]"),
              "invalid options: /a: \"a\" must have at most 1 items");
    EXPECT_EQ(check(R"({"type":"string","format":"duration"})", "\"soon\""),
              "invalid options: /a: \"a\" must be of the format \"duration\", found the text "
              "\"soon\"");
    EXPECT_EQ(check(R"({"type":"number"})", "1"), R"({"a":1})");
    EXPECT_EQ(check(R"({"type":"integer","format":"port"})", "65535"), R"({"a":65535})");
}

TEST(JsonSchema, lists_all_that_is_wrong) {
    EXPECT_EQ(
        completed(R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},
                           "required":["b"]})",
                  R"({"a":1})"),
        "invalid options: /a: \"a\" must be a text, found the number 1; \"with\" needs the "
        "option \"b\"");
}

TEST(JsonSchema, takes_additional_keys_of_one_kind) {
    const std::string schema = R"({"type":"object","additionalProperties":{"type":"string"}})";
    EXPECT_EQ(completed(schema, R"({"x":"1"})"), R"({"x":"1"})");
    EXPECT_NE(completed(schema, R"({"x":1})"), R"({"x":1})");
}

TEST(JsonSchema, never_shows_secrets) {
    const auto schema = property(R"({"type":"string","pattern":"k-.*","x-syspulse-secret":true})");
    EXPECT_EQ(redact_options(schema, R"({"a":"k-1"})"), R"({"a":"***"})");
    EXPECT_EQ(redact_options("{", R"({"a":"k-1"})"), "{}");
    EXPECT_EQ(completed(schema, R"({"a":12345})").find("12345"), std::string::npos);
    const auto number = property(R"({"type":"integer","maximum":9,"x-syspulse-secret":true})");
    EXPECT_EQ(redact_options(number, R"({"a":5})"), R"({"a":"***"})");
    EXPECT_EQ(completed(number, R"({"a":12345})").find("12345"), std::string::npos);
}

TEST(JsonSchema, takes_no_masked_secret_for_the_secret) {
    const auto schema = property(R"({"type":"string","x-syspulse-secret":true})");
    EXPECT_NE(completed(schema, R"({"a":"***"})").find("the secret itself"), std::string::npos);
}

TEST(JsonSchema, matches_evil_patterns_in_bounded_time) {
    const auto schema = property(R"x({"type":"string","pattern":"(a+)+b"})x");
    EXPECT_NE(completed(schema, R"({"a":")" + std::string(2000, 'a') + "\"}").find("pattern"),
              std::string::npos);
}

}  // namespace
}  // namespace syspulse::config
