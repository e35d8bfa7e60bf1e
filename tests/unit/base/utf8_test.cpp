// What is well-formed UTF-8, at the edges of the standard's table.
#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace syspulse {
namespace {

TEST(Utf8, knows_the_length_of_what_stands_in_front) {
    EXPECT_EQ(utf8_sequence_length("a\xC3\xA9"), 1U);
    EXPECT_EQ(utf8_sequence_length("\xC3\xA9x"), 2U);
    EXPECT_EQ(utf8_sequence_length("\xE2\x82\xAC"), 3U);
    EXPECT_EQ(utf8_sequence_length("\xF0\x9F\x98\x80"), 4U);
    EXPECT_EQ(utf8_sequence_length("\xF4\x8F\xBF\xBF"), 4U) << "U+10FFFF, the last";
}

TEST(Utf8, refuses_what_the_standard_forbids) {
    EXPECT_FALSE(is_utf8("\xFF"));
    EXPECT_FALSE(is_utf8("\x80")) << "begins in the middle";
    EXPECT_FALSE(is_utf8("a\xC3")) << "cut off";
    EXPECT_FALSE(is_utf8("\xE2\x82x"));
    EXPECT_FALSE(is_utf8("\xC0\xAF")) << "overlong";
    EXPECT_FALSE(is_utf8("\xE0\x9F\xBF")) << "overlong";
    EXPECT_FALSE(is_utf8("\xF0\x8F\xBF\xBF")) << "overlong";
    EXPECT_FALSE(is_utf8("\xED\xA0\x80")) << "a surrogate";
    EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80")) << "above U+10FFFF";
    EXPECT_TRUE(is_utf8("")) << "nothing is wrong with nothing";
    EXPECT_TRUE(is_utf8("gr\xC3\xBC\xC3\x9F"));
}

}  // namespace
}  // namespace syspulse
