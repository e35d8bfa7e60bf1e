// A directory of users that is slow, or does not answer.
#include "common/accounts.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace syspulse::testing {
namespace {

using plugins::Accounts;
using plugins::Credentials;
using std::chrono::milliseconds;

constexpr milliseconds for_ever = std::chrono::minutes{1};

// Answers when it is let; outlives the threads that ask it.
struct Directory {
    std::atomic<int> asked{0};
    std::atomic<bool> silent{false};
    std::promise<void> let;
    std::shared_future<void> go{let.get_future()};
    std::atomic<uid_t> uid{7};

    Accounts::Lookup lookup(const std::shared_ptr<Directory>& self) {
        return [self](const std::string& user) -> std::optional<Credentials> {
            ++self->asked;
            if (self->silent) self->go.wait();
            if (user == "nobody-there") throw sdk::Error{SYSP_E_CONFIG, "no such user"};
            return Credentials{self->uid, 8, {8}};
        };
    }
};

struct AccountsTest : ::testing::Test {
    std::shared_ptr<Directory> directory = std::make_shared<Directory>();
    ~AccountsTest() override {
        if (directory->silent) directory->let.set_value();
    }
};

TEST_F(AccountsTest, asks_each_time_as_long_as_somebody_answers) {
    Accounts accounts(directory->lookup(directory), for_ever);
    EXPECT_EQ(accounts.of("web")->uid, 7U);
    directory->uid = 9;
    EXPECT_EQ(accounts.of("web")->uid, 9U);
    EXPECT_THROW(accounts.of("nobody-there"), sdk::Error);
    EXPECT_EQ(directory->asked, 3);
}

TEST_F(AccountsTest, who_does_not_answer_is_waited_for_once_and_then_what_was_known_counts) {
    Accounts accounts(directory->lookup(directory), milliseconds{1});
    // One answer in time is needed first, however busy the machine is.
    for (bool known = false; !known;) {
        try {
            known = accounts.of("web").has_value();
        } catch (const sdk::Error&) {
        }
    }
    directory->silent = true;
    const int before = directory->asked;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(accounts.of("web")->uid, 7U);
    EXPECT_LE(directory->asked, before + 1);
    try {
        accounts.of("another");
        FAIL() << "nothing is known of that one";
    } catch (const sdk::Error& error) {
        EXPECT_EQ(error.code(), SYSP_E_BUSY);
        EXPECT_NE(std::string(error.what()).find("does not answer (stage user)"),
                  std::string::npos);
    }
}

TEST_F(AccountsTest, a_late_answer_is_for_who_asks_next) {
    Accounts accounts(directory->lookup(directory), milliseconds{1});
    directory->silent = true;
    EXPECT_THROW(accounts.of("web"), sdk::Error);
    EXPECT_THROW(accounts.of("nobody-there"), sdk::Error);
    directory->let.set_value();
    directory->silent = false;
    sysp_status refused = SYSP_E_BUSY;
    for (bool known = false; !known || refused == SYSP_E_BUSY;) {
        try {
            known = known || accounts.of("web")->uid == 7U;
            static_cast<void>(accounts.of("nobody-there"));
        } catch (const sdk::Error& error) {
            refused = error.code();
        }
    }
    EXPECT_EQ(refused, SYSP_E_CONFIG);
    EXPECT_EQ(directory->asked, 2);
}

TEST_F(AccountsTest, numbers_are_answered_here) {
    Accounts accounts(
        [thread = std::this_thread::get_id()](const std::string&) -> std::optional<Credentials> {
            EXPECT_EQ(std::this_thread::get_id(), thread);
            return std::nullopt;
        },
        milliseconds{0});
    EXPECT_FALSE(accounts.of(""));
    EXPECT_FALSE(accounts.of("12:34"));
}

TEST_F(AccountsTest, threads_that_ask_take_no_signals) {
    Accounts accounts(
        [](const std::string&) -> std::optional<Credentials> {
            sigset_t blocked;
            pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
            EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
            EXPECT_EQ(sigismember(&blocked, SIGCHLD), 1);
            return std::nullopt;
        },
        for_ever);
    EXPECT_FALSE(accounts.of("web"));
}

}  // namespace
}  // namespace syspulse::testing
