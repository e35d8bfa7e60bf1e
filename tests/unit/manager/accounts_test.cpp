// What is remembered of accounts, and what is asked again.
#include "manager/accounts.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace syspulse::testing {
namespace {

using manager::Account;
using manager::Accounts;

struct ManagerAccounts : ::testing::Test {
    struct Directory {
        std::atomic<int> asked{0};
        std::atomic<bool> knows{true};
        std::atomic<std::uint32_t> number{7};
    };
    std::shared_ptr<Directory> directory = std::make_shared<Directory>();
    Accounts accounts{[self = directory](const std::string&) {
                          ++self->asked;
                          return Account{self->knows, false, true, self->number, std::nullopt};
                      },
                      std::chrono::minutes{1}};
};

TEST_F(ManagerAccounts, our_own_is_asked_for_once_and_others_each_time) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(accounts.of("")->exists);
    EXPECT_EQ(directory->asked, 1);
    EXPECT_EQ(accounts.of("web")->number, 7U);
    directory->number = 8;
    EXPECT_EQ(accounts.of("web")->number, 8U);
    EXPECT_EQ(directory->asked, 3);
}

TEST_F(ManagerAccounts, who_is_missing_may_be_there_the_next_time) {
    directory->knows = false;
    EXPECT_FALSE(accounts.of("web")->exists);
    directory->knows = true;
    EXPECT_TRUE(accounts.of("web")->exists);
}

TEST(LookUpAccount, tells_what_the_system_knows) {
    const Account root = manager::look_up_account("root");
    EXPECT_TRUE(root.exists && root.is_root);
    EXPECT_EQ(root.number, 0U);
    EXPECT_EQ(root.entry.value().name, "root");
    const Account numbers = manager::look_up_account("4242:4242");
    EXPECT_TRUE(numbers.exists);
    EXPECT_EQ(numbers.number, 4242U);
    EXPECT_FALSE(numbers.entry.has_value());
    EXPECT_FALSE(manager::look_up_account("nobody-by-this-name").exists);
    EXPECT_TRUE(manager::look_up_account("").exists);
}

}  // namespace
}  // namespace syspulse::testing
