// A question that is answered late, or never.
#include "base/bounded_question.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace syspulse::testing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds for_ever = std::chrono::minutes{1};

// Answers when it is let; outlives the threads that ask it.
struct Oracle {
    std::atomic<int> asked{0};
    std::promise<void> let;
    std::shared_future<void> go{let.get_future()};

    static BoundedQuestion<int>::Ask ask(const std::shared_ptr<Oracle>& self) {
        return [self](const std::string& about) {
            ++self->asked;
            self->go.wait();
            return static_cast<int>(about.size());
        };
    }
};

TEST(BoundedQuestion, an_answer_in_time_is_given_and_the_next_question_asks_anew) {
    const auto oracle = std::make_shared<Oracle>();
    oracle->let.set_value();
    BoundedQuestion<int> question(Oracle::ask(oracle), for_ever);
    EXPECT_EQ(question.of("web"), 3);
    EXPECT_EQ(question.of("mail"), 4);
    EXPECT_EQ(question.of("web"), 3);
    EXPECT_EQ(oracle->asked, 3);
}

TEST(BoundedQuestion, an_open_question_is_neither_repeated_nor_waited_for) {
    const auto oracle = std::make_shared<Oracle>();
    BoundedQuestion<int> question(Oracle::ask(oracle), milliseconds{1});
    EXPECT_EQ(question.of("web"), std::nullopt);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(question.of("web"), std::nullopt);
    EXPECT_LE(oracle->asked, 1);
    oracle->let.set_value();
    std::optional<int> answer;
    while (!answer) {
        std::this_thread::yield();
        answer = question.of("web");
    }
    EXPECT_EQ(answer, 3);
    EXPECT_EQ(oracle->asked, 1);
}

TEST(BoundedQuestion, who_has_many_questions_waits_once_and_opens_few) {
    const auto oracle = std::make_shared<Oracle>();
    BoundedQuestion<int> question(Oracle::ask(oracle), milliseconds{1});
    EXPECT_EQ(question.of("first"), std::nullopt);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(question.of(std::to_string(i)), std::nullopt);
    EXPECT_LE(oracle->asked, 16);
    oracle->let.set_value();
}

TEST(BoundedQuestion, goes_without_waiting_for_the_answer) {
    const auto oracle = std::make_shared<Oracle>();
    std::weak_ptr<Oracle> left = oracle;
    {
        BoundedQuestion<int> question(Oracle::ask(oracle), milliseconds{1});
        EXPECT_EQ(question.of("web"), std::nullopt);
    }
    EXPECT_FALSE(left.expired());
    oracle->let.set_value();
}

}  // namespace
}  // namespace syspulse::testing
