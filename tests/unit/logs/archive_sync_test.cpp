// A packed archive is on the disk before the original goes. The test stands between the capture and
// the C library, where it sees what is synced, and when.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "logs/log_fixture.hpp"

namespace {

struct Synced {
    std::filesystem::path file;
    bool original_is_there = false;
};
std::mutex mutex;
std::vector<Synced> all_synced;

}  // namespace

extern "C" int fdatasync(int fd) {
    std::error_code ignored;
    const auto file = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
    const auto original = file.parent_path() / "stdout.log.1";
    {
        const std::lock_guard lock(mutex);
        all_synced.push_back({file, std::filesystem::exists(original, ignored)});
    }
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace syspulse::logs {
namespace {

class PackedArchive : public LogTest {};

TEST_F(PackedArchive, is_on_the_disk_before_the_original_goes) {
    start_capture();
    start_daemon({.max_size_bytes = 1'000, .retain_count = 9, .compress_rotated = true});
    write_fully(out_, numbered_lines(0, 150));
    ASSERT_TRUE(test::eventually([&] {
        return std::filesystem::exists(compressed_path(dir(), Stream::out, 1)) &&
               !std::filesystem::exists(log_path(dir(), Stream::out, 1));
    }));
    const std::lock_guard lock(mutex);
    ASSERT_FALSE(all_synced.empty());
    EXPECT_EQ(all_synced.front().file.parent_path(), dir());
    EXPECT_TRUE(all_synced.front().original_is_there);
}

}  // namespace
}  // namespace syspulse::logs
