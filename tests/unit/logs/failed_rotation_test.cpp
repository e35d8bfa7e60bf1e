// A rotation that fails is tried again, and costs no line.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class FailedRotation : public LogTest {
  protected:
    void SetUp() override { start_capture(); }
};

TEST_F(FailedRotation, is_tried_again_and_loses_nothing) {
    const fs::path in_the_way = log_path(dir(), Stream::out, 1);
    fs::create_directories(in_the_way / "occupied");
    start_daemon({.max_size_bytes = 10'000, .retain_count = 1});
    std::string text = numbered_lines(0, 5'000);
    write_fully(out_, text);
    const auto grows_to = [&](std::size_t size) {
        return test::eventually([&] {
            std::error_code none;
            return fs::file_size(log_path(dir(), Stream::out), none) == size;
        });
    };
    ASSERT_TRUE(grows_to(text.size()));
    EXPECT_TRUE(fs::exists(index_path(dir(), Stream::out)));
    fs::remove_all(in_the_way);
    // The first may be what the file grows by before the next attempt.
    for (int from : {5'000, 5'300}) {
        const std::string more = numbered_lines(from, from + 300);
        write_fully(out_, more);
        text += more;
        ASSERT_TRUE(eventually_all_is(text));
    }
    EXPECT_TRUE(fs::is_regular_file(in_the_way));
    EXPECT_TRUE(read_file(in_the_way).ends_with('\n'));
}

TEST_F(FailedRotation, moves_no_archive_on_for_which_there_is_room) {
    fs::create_directories(dir());
    write_file(log_path(dir(), Stream::out), "new\n");
    for (std::uint32_t i = 2; i <= 4; ++i)
        write_file(log_path(dir(), Stream::out, i), std::to_string(i) + "\n");
    Archiver archiver;
    ASSERT_TRUE(archiver.rotate(dir(), Stream::out, 3));
    EXPECT_EQ(read_all(dir()), "3\n2\nnew\n");
}

}  // namespace
}  // namespace syspulse::logs
