// Shell-style patterns for names.
#include "model/name_pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace syspulse::model {
namespace {

TEST(NamePattern, matches_as_a_shell_does) {
    EXPECT_TRUE(matches_pattern("web-*", "web-1"));
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_TRUE(matches_pattern("*a*b", "xxaxxab"));
    EXPECT_TRUE(matches_pattern("w?b", "web"));
    EXPECT_TRUE(matches_pattern("[a-c]x", "bx"));
    EXPECT_TRUE(matches_pattern("[!a-c]x", "dx"));
    EXPECT_TRUE(matches_pattern("[]]x", "]x"));
    EXPECT_TRUE(matches_pattern("a[b", "a[b"));
    EXPECT_FALSE(matches_pattern("web-*", "Web-1"));
    EXPECT_FALSE(matches_pattern("w?b", "wb"));
    EXPECT_FALSE(matches_pattern("[a-c]x", "dx"));
    EXPECT_FALSE(matches_pattern("", "a"));
    EXPECT_FALSE(matches_pattern("*a", "ab"));
}

TEST(NamePattern, many_stars_cost_no_exponential_time) {
    const std::string text(5000, 'a');
    EXPECT_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

}  // namespace
}  // namespace syspulse::model
