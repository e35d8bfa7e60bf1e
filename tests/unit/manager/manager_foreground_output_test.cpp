// What `up` shows: log files are read on another thread, which the test plays, and the line that
// tells of an end comes after all that the daemon wrote.
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <utility>

#include "manager/foreground_output.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::manager {
namespace {

// The test writes log files itself, and says when.
class NoCapture final : public platform::OutputCapture {
  public:
    Result<platform::CaptureHandles> open(const std::string&,
                                          const platform::CaptureSettings&) override {
        return platform::CaptureHandles{};
    }
    void run_ended(const std::string&) override {}
    void when_written(const std::string&, std::function<void()> done) override {
        if (holds) {
            waiting.push_back(std::move(done));
        } else {
            done();
        }
    }
    void close(const std::string&) override {}

    bool holds = false;
    std::deque<std::function<void()>> waiting;
};

class ManagerForegroundOutput : public testing::Test {
  protected:
    void SetUp() override {
        loop_ = *platform::make_event_loop(*clock_);
        std::filesystem::create_directories(directory_.path() / "web");
        std::filesystem::create_directories(directory_.path() / "db");
        output_ = std::make_unique<ForegroundOutput>(
            *loop_, capture_,
            [this](std::function<void()> task) { tasks_.push_back(std::move(task)); },
            directory_.path(), false, [] {});
        ASSERT_TRUE(output_->start([this](std::string_view text) {
            const std::lock_guard lock(mutex_);
            seen_ += text;
            return true;
        }));
        output_->follow({"web", "db"});
    }
    void append(const std::string& daemon, const std::string& text) {
        std::ofstream(directory_.path() / daemon / "stdout.log", std::ios::app) << text;
    }
    // Until nothing is left to do for the loop and the other thread.
    void settle() {
        do {
            while (!tasks_.empty()) {
                std::exchange(tasks_.front(), nullptr)();
                tasks_.pop_front();
            }
            turn();
        } while (!tasks_.empty());
    }
    // All that is due: the watch of a file is ready before a timer that is set later.
    void turn() {
        loop_->start_timer(clock_->now().mono + std::chrono::milliseconds{10},
                           [this] { loop_->stop(); });
        loop_->run();
    }
    std::string seen() {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

    test::TemporaryDirectory directory_;
    std::unique_ptr<platform::Clock> clock_ = platform::make_system_clock();
    std::unique_ptr<platform::EventLoop> loop_;
    NoCapture capture_;
    std::deque<std::function<void()>> tasks_;
    std::mutex mutex_;
    std::string seen_;
    std::unique_ptr<ForegroundOutput> output_;
};

TEST_F(ManagerForegroundOutput, reads_log_files_on_the_other_thread_only) {
    append("web", "one\n");
    turn();
    EXPECT_FALSE(tasks_.empty());
    tasks_.clear();
    turn();
    EXPECT_EQ(seen(), "");
}

TEST_F(ManagerForegroundOutput, tells_of_an_end_after_all_that_was_written) {
    settle();
    capture_.holds = true;
    append("web", "one\n");
    turn();
    output_->tell("web", "web is stopped", true);
    append("db", "later\n");
    settle();
    append("web", "two\n");
    capture_.waiting.front()();
    capture_.holds = false;
    settle();
    output_->finish();
    EXPECT_EQ(seen(),
              "web      | one\n"
              "web      | two\n"
              "syspulse | web is stopped\n"
              "db       | later\n");
}

TEST_F(ManagerForegroundOutput, shows_lines_of_windows_programs_without_their_carriage_return) {
    settle();
    append("web", "one\r\n50%\r100%\r\n");
    settle();
    output_->finish();
    EXPECT_EQ(seen(), "web      | one\nweb      | 50%\r100%\n");
}

TEST_F(ManagerForegroundOutput, shows_the_rest_though_the_other_thread_has_not_begun) {
    settle();
    append("web", "one\n");
    turn();
    output_->tell("web", "web is stopped", true);
    output_->finish();
    EXPECT_EQ(seen(), "web      | one\nsyspulse | web is stopped\n");
    // What was asked of it does no harm later.
    for (const auto& task : tasks_) task();
}

}  // namespace
}  // namespace syspulse::manager
