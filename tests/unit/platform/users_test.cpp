// Accounts, by the entries that every system has.
#include "platform/users.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace syspulse::platform {
namespace {

TEST(Users, are_found_by_name_and_number_with_and_without_a_group) {
    for (const char* user : {"root", "0", "root:root", "root:0", "0:nowhere"}) {
        const auto account = find_user(user);
        ASSERT_TRUE(account) << user;
        EXPECT_EQ(account->name, "root");
        EXPECT_EQ(account->number, 0U);
    }
    EXPECT_FALSE(find_user("nobody-at-all"));
    EXPECT_FALSE(find_user(""));
}

TEST(Users, exist_when_account_and_group_do_or_both_are_numbers) {
    for (const char* user : {"root", "0", "root:root", "0:0", "root:4000000000", "4000000000:0"})
        EXPECT_TRUE(user_exists(user)) << user;
    for (const char* user : {"", ":", ":root", "root:", "root:nowhere", "nobody-at-all:root",
                             "4000000000", "4000000000:", "root:root:root"})
        EXPECT_FALSE(user_exists(user)) << user;
}

TEST(Users, are_root_whatever_their_group) {
    for (const char* user : {"root", "0", "root:daemon", "0:1"}) EXPECT_TRUE(is_root(user)) << user;
    for (const char* user : {"daemon", "1", "daemon:root", "1:0", "nobody-at-all"})
        EXPECT_FALSE(is_root(user)) << user;
    EXPECT_EQ(is_root(""), ::geteuid() == 0);
}

}  // namespace
}  // namespace syspulse::platform
