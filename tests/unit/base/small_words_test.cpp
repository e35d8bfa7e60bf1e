// Values that may be absent and texts that may be empty, in little room.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/maybe.hpp"
#include "base/rare_list.hpp"
#include "base/rare_text.hpp"
#include "base/time.hpp"

namespace syspulse {
namespace {

static_assert(sizeof(Maybe<WallTime>) == sizeof(WallTime));
static_assert(sizeof(RareText) == sizeof(void*));
static_assert(sizeof(RareList<int>) == sizeof(void*));

TEST(Maybe, is_absent_until_it_gets_a_value) {
    Maybe<Duration> value;
    EXPECT_FALSE(value);
    EXPECT_EQ(value.value_or(Duration{7}), Duration{7});
    value = Duration{0};
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, Duration{0});
    value.reset();
    EXPECT_EQ(value, Maybe<Duration>());
}

TEST(Maybe, zero_is_a_value_of_every_kind_of_number) {
    EXPECT_TRUE(Maybe<std::uint64_t>(0));
    EXPECT_TRUE(Maybe<std::int64_t>(0));
    EXPECT_TRUE(Maybe<double>(0));
}

TEST(Maybe, means_the_same_as_an_optional) {
    const std::optional<std::uint64_t> there = 3;
    EXPECT_EQ(std::optional<std::uint64_t>(Maybe<std::uint64_t>(there)), there);
    EXPECT_EQ(std::optional<std::uint64_t>(Maybe<std::uint64_t>(std::nullopt)), std::nullopt);
}

TEST(RareText, reads_as_the_text_that_it_holds) {
    RareText text;
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(text.text(), "");
    text = "some";
    const std::string read = text;
    EXPECT_EQ(read, "some");
    const RareText copy = text;
    text.clear();
    EXPECT_EQ(copy.text(), "some");
    EXPECT_NE(copy, text);
    EXPECT_EQ(RareText(std::string()), text);
}

TEST(RareList, reads_as_the_list_that_it_holds) {
    RareList<int> list;
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.begin(), list.end());
    EXPECT_EQ(list, RareList<int>(std::vector<int>()));
    list.push_back(3);
    list.push_back(4);
    EXPECT_EQ(list.size(), 2U);
    EXPECT_EQ(list[1], 4);
    const RareList<int> copy = list;
    list = {};
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(copy.items(), (std::vector<int>{3, 4}));
    EXPECT_EQ(copy, (RareList<int>{3, 4}));
    EXPECT_NE(copy, list);
}

}  // namespace
}  // namespace syspulse
