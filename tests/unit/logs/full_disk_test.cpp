// What the capture does when the disk is full: archives go first, then output is dropped or waits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

// A file system of its own, small enough to fill.
class SmallDisk {
  public:
    explicit SmallDisk(fs::path path) : path_(std::move(path)) {
        fs::create_directories(path_);
        mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k") == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool is_mounted() const { return mounted_; }

  private:
    fs::path path_;
    bool mounted_ = false;
};

class CaptureOnFullDisk : public LogTest {
  protected:
    void SetUp() override {
        disk_ = std::make_unique<SmallDisk>(dir());
        if (!disk_->is_mounted()) GTEST_SKIP() << "mounting a small disk takes root";
        start_capture();
    }
    void TearDown() override {
        LogTest::TearDown();
        capture_.reset();
        disk_.reset();
    }

    std::unique_ptr<SmallDisk> disk_;
};

TEST_F(CaptureOnFullDisk, drops_the_oldest_archives_and_keeps_the_newest_lines) {
    start_daemon({.max_size_bytes = 30'000, .retain_count = 1000});
    write_fully(out_, numbered_lines(0, 100'000));
    EXPECT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("line 99999\n"); }));
    EXPECT_EQ(read_all(dir()).find("dropped"), std::string::npos);
}

TEST_F(CaptureOnFullDisk, discards_output_without_blocking_and_says_how_much) {
    start_daemon();
    write_fully(out_, numbered_lines(0, 100'000));
    const fs::path log = log_path(dir(), Stream::out);
    ASSERT_TRUE(test::eventually([&] { return fs::file_size(log) > 200'000; }));
    ASSERT_TRUE(test::eventually([&] {
        int left = 0;
        return ::ioctl(out_, FIONREAD, &left) == 0 && left == 0;
    }));
    fs::resize_file(log, 0);
    write_fully(out_, "again\n");
    EXPECT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("again\n"); }));
    EXPECT_NE(read_all(dir()).find("No space left on device]\nagain\n"), std::string::npos);
    const platform::OutputCount count = capture_->count("web");
    EXPECT_EQ(count.bytes + count.dropped_bytes, numbered_lines(0, 100'000).size() + 6);
    EXPECT_GT(count.dropped_bytes, 0U);
}

TEST_F(CaptureOnFullDisk, lets_output_wait_where_that_was_asked_for_and_loses_nothing) {
    write_file(dir() / "ballast", std::string(200'000, 'x'));
    start_daemon({.wait_when_full = true});
    const std::string text = numbered_lines(0, 15'000);
    std::thread daemon([&] { write_fully(out_, text); });
    const fs::path log = log_path(dir(), Stream::out);
    EXPECT_TRUE(test::eventually([&] {
        std::error_code none;
        return fs::space(dir(), none).available == 0 && fs::file_size(log, none) > 20'000;
    }));
    fs::remove(dir() / "ballast");
    EXPECT_TRUE(test::eventually([&] { return fs::file_size(log) == text.size(); }));
    daemon.join();
    EXPECT_TRUE(read_all(dir()) == text);
    EXPECT_EQ(capture_->count("web").bytes, text.size());
    EXPECT_EQ(capture_->count("web").dropped_bytes, 0U);
}

// One that waits always has bytes, so there is never a turn without any.
TEST_F(CaptureOnFullDisk, has_files_of_others_put_in_order_while_output_waits) {
    write_file(dir() / "ballast", std::string(200'000, 'x'));
    start_daemon({.wait_when_full = true});
    const std::string text = numbered_lines(0, 15'000);
    std::thread daemon([&] { write_fully(out_, text); });
    EXPECT_TRUE(test::eventually([&] {
        std::error_code none;
        return fs::space(dir(), none).available == 0;
    }));
    const fs::path other = logs_dir() / "other";
    fs::create_directories(other);
    for (std::uint32_t number = 1; number <= 5; ++number)
        write_file(log_path(other, Stream::err, number), "old\n");
    EXPECT_TRUE(capture_->open("other", {.retain_count = 2}));
    capture_->handles_used("other");
    EXPECT_TRUE(test::eventually([&] { return list_archives(other, Stream::err).size() == 2; }));
    std::error_code none;
    EXPECT_EQ(fs::space(dir(), none).available, 0U);
    fs::remove(dir() / "ballast");
    EXPECT_TRUE(eventually_all_is(text));
    daemon.join();
}

}  // namespace
}  // namespace syspulse::logs
