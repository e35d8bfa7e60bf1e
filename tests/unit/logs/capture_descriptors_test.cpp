// What the capture needs of a process's descriptors, and what it does when they run out.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class CaptureDescriptors : public LogTest {
  protected:
    void SetUp() override { start_capture(); }
};

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/thread-self/fd"))
        ++count;
    return count;
}

// The pipes that the thread with the most of them holds.
std::size_t pipes_held() {
    std::size_t most = 0;
    for (const auto& thread : fs::directory_iterator("/proc/self/task")) {
        std::size_t count = 0;
        std::error_code gone;
        for (const auto& entry : fs::directory_iterator(thread.path() / "fd", gone)) {
            count += fs::read_symlink(entry.path(), gone).extension() == ".fifo" ? 1 : 0;
        }
        most = std::max(most, count);
    }
    return most;
}

// The soft limit of descriptors during a test.
class DescriptorLimit {
  public:
    explicit DescriptorLimit(std::size_t limit) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now = {limit, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &now);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

  private:
    rlimit before_ = {};
};

TEST_F(CaptureDescriptors,
       holds_two_descriptors_for_a_daemon_that_writes_nothing_and_none_of_this_thread) {
    if (shares_descriptors) GTEST_SKIP() << one_descriptor_table;
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 50; ++i) {
        const std::string name = "idle-" + std::to_string(i);
        ASSERT_TRUE(capture_->open(name, {}).has_value());
        capture_->handles_used(name);
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(test::eventually([] { return pipes_held() == 100; }));
    for (int i = 0; i < 50; ++i) capture_->close("idle-" + std::to_string(i));
    EXPECT_TRUE(test::eventually([] { return pipes_held() == 0; }));
}

// One capture thread has room for 350 pipes then.
TEST_F(CaptureDescriptors, takes_another_thread_when_the_descriptors_of_one_are_used_up) {
    if (shares_descriptors) GTEST_SKIP() << one_descriptor_table;
    const DescriptorLimit limit(700);
    for (int i = 0; i < 400; ++i) {
        const std::string name = "many-" + std::to_string(i);
        ASSERT_TRUE(capture_->open(name, {}).has_value()) << i;
        capture_->handles_used(name);
    }
    EXPECT_TRUE(test::eventually([] { return pipes_held() == 350; }));
    start_daemon();
    write_fully(out_, "of the last thread\n");
    EXPECT_TRUE(eventually_all_is("of the last thread\n"));
}

TEST_F(CaptureDescriptors, refuses_a_daemon_before_the_last_descriptors_are_gone) {
    const DescriptorLimit limit(open_descriptors() + 100);
    const auto handles = capture_->open("one-too-many", {});
    ASSERT_FALSE(handles);
    EXPECT_NE(handles.error().message.find("LimitNOFILE="), std::string::npos)
        << handles.error().message;
}

TEST_F(CaptureDescriptors, cannot_be_prepared_without_descriptors_and_leaves_none_behind) {
    const std::size_t before = open_descriptors();
    for (std::size_t free = 0;; ++free) {
        ASSERT_LT(free, 100);
        const DescriptorLimit limit(before - 1 + free);  // Counting took one itself.
        const auto second = make_capture(logs_dir(), *clock_);
        if (second) break;
        EXPECT_EQ(second.error().message, "cannot prepare log capture: Too many open files");
    }
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace syspulse::logs
