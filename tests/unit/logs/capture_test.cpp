// The capture with real pipes, files and threads. The goal: whatever is written into the pipe is in
// the files once, in order, and files end with whole lines.
#include "logs/capture.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class Capture : public LogTest {
  protected:
    void SetUp() override { start_capture(); }
};

TEST_F(Capture, writes_both_streams_to_their_files) {
    start_daemon();
    write_fully(out_, "to stdout\n");
    write_fully(err_, "to stderr\n");
    EXPECT_TRUE(eventually_all_is("to stdout\n"));
    EXPECT_TRUE(test::eventually([&] { return read_all(dir(), Stream::err) == "to stderr\n"; }));
}

TEST_F(Capture, creates_the_files_before_there_is_output) {
    start_daemon();
    EXPECT_TRUE(test::eventually([&] { return fs::exists(log_path(dir(), Stream::err)); }));
    EXPECT_EQ(fs::status(dir()).permissions(), fs::perms::owner_all);
}

TEST_F(Capture, prepares_a_daemon_that_is_not_started_yet_and_takes_its_pipes_along_when_removed) {
    capture_->prepare("later", {});
    const fs::path later = dir().parent_path() / "later";
    EXPECT_TRUE(test::eventually([&] { return fs::exists(log_path(later, Stream::err)); }));
    EXPECT_TRUE(fs::is_fifo(pipe_path(later, Stream::err)));
    capture_->close("later");
    EXPECT_TRUE(test::eventually([&] { return !fs::exists(pipe_path(later, Stream::err)); }));
}

TEST_F(Capture, tells_when_all_that_a_run_has_written_is_in_its_files) {
    start_daemon();
    std::string written(10'000, 'x');
    written += "\nno newline";
    for (unsigned round = 0; round < 100; ++round) {
        write_fully(out_, written);
        end_run();
        std::promise<std::string> seen;
        capture_->when_written("web", [&] { seen.set_value(read_all(dir())); });
        const std::string text = seen.get_future().get();
        ASSERT_TRUE(text.ends_with("no newline\n")) << "round " << round;
        ASSERT_EQ(text.size(), (round + 1) * 10'012U);
        start_daemon();
    }
}

TEST_F(Capture, counts_the_lines_that_it_has_written_across_files_and_removals) {
    write_file(log_path(dir(), Stream::out), "of an earlier manager\n");
    platform::CaptureSettings settings;
    settings.max_size_bytes = 1000;
    settings.retain_count = 1;
    settings.compress_rotated = true;
    start_daemon(settings);
    const auto counted = [this] {
        std::promise<std::uint64_t> lines;
        capture_->count_lines("web", [&](std::uint64_t count) { lines.set_value(count); });
        return lines.get_future().get();
    };
    const auto all_written = [this] {
        std::promise<void> done;
        capture_->when_written("web", [&] { done.set_value(); });
        done.get_future().get();
    };
    EXPECT_EQ(counted(), 0U);
    write_fully(out_, numbered_lines(0, 5'000));
    write_fully(err_, numbered_lines(0, 3));
    all_written();
    EXPECT_EQ(counted(), 5'003U);
    EXPECT_EQ(counted(), 5'003U) << "once";
    write_fully(out_, "begun, ");
    all_written();
    EXPECT_EQ(counted(), 5'003U);
    write_fully(out_, "ended\n");
    all_written();
    EXPECT_EQ(counted(), 5'004U);
}

// Its threads have tables of descriptors of their own, where the loop's numbers mean nothing.
TEST_F(Capture, wakes_the_loop_that_it_tells) {
    auto loop = *platform::make_event_loop(*clock_);
    capture_.reset();
    capture_ = *make_capture(logs_dir(), *clock_, loop->wake_handle());
    start_daemon();
    const auto post = [&loop](const char* told, std::vector<std::string>& all) {
        loop->post([&loop, told, &all] {
            all.emplace_back(told);
            loop->stop();
        });
    };
    std::vector<std::string> told;
    const auto deadline = loop->start_timer(clock_->now().mono + std::chrono::seconds{20},
                                            [&] { post("nothing in time", told); });
    capture_->count_lines("web", [&](std::uint64_t) { post("counted", told); });
    loop->run();
    capture_->when_written("web", [&] { post("written", told); });
    loop->run();
    loop->cancel_timer(deadline);
    EXPECT_EQ(told, (std::vector<std::string>{"counted", "written"}));
}

TEST_F(Capture, counts_on_when_somebody_empties_or_replaces_a_file) {
    start_daemon();
    const auto write_and_count = [this](const std::string& text) {
        write_fully(out_, text);
        std::promise<void> written;
        capture_->when_written("web", [&] { written.set_value(); });
        written.get_future().get();
        std::promise<std::uint64_t> lines;
        capture_->count_lines("web", [&](std::uint64_t count) { lines.set_value(count); });
        return lines.get_future().get();
    };
    EXPECT_EQ(write_and_count("1\n2\n"), 2U);
    fs::resize_file(log_path(dir(), Stream::out), 0);
    EXPECT_EQ(write_and_count("3\n"), 3U);
    fs::remove(log_path(dir(), Stream::out));
    EXPECT_EQ(write_and_count("4\n5\n"), 5U);
}

TEST_F(Capture, tells_also_who_waits_for_a_daemon_that_is_unknown_or_when_it_ends) {
    int told = 0;
    capture_->when_written("nobody", [&] { ++told; });
    EXPECT_EQ(told, 1);
    start_daemon();
    capture_->when_written("web", [&] { ++told; });
    capture_.reset();
    EXPECT_EQ(told, 2);
}

TEST_F(Capture, completes_a_partial_line_when_the_run_ends) {
    start_daemon();
    write_fully(out_, "no newline");
    end_run();
    EXPECT_TRUE(eventually_all_is("no newline\n"));
    start_daemon();
    write_fully(out_, "next run\n");
    EXPECT_TRUE(eventually_all_is("no newline\nnext run\n"));
}

TEST_F(Capture, leaves_a_partial_line_alone_while_another_process_holds_the_pipe) {
    start_daemon();
    const int grandchild = ::dup(out_);
    write_fully(out_, "first half, ");
    end_run();
    write_fully(grandchild, "second half\n");
    EXPECT_TRUE(eventually_all_is("first half, second half\n"));
    ::close(grandchild);
}

TEST_F(Capture, loses_and_doubles_nothing_at_full_speed_with_rotation_and_compression) {
    start_daemon({.max_size_bytes = 300'000, .retain_count = 1000, .compress_rotated = true});
    const std::string text = numbered_lines(0, 200'000);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += 4096) {
            write_fully(out_, std::string_view(text).substr(at, 4096));
        }
    });
    writer.join();
    end_run();
    EXPECT_TRUE(test::eventually([&] {
        const auto archives = list_archives(dir(), Stream::out);
        const auto packed = [](const Archive& a) { return a.compressed; };
        return archives.size() >= text.size() / 300'000 &&
               std::all_of(archives.begin(), archives.end(), packed);
    }));
    EXPECT_TRUE(eventually_all_is(text));
}

TEST_F(Capture, rotates_at_line_boundaries_and_below_the_limit) {
    start_daemon({.max_size_bytes = 10'000, .retain_count = 100});
    const std::string text = numbered_lines(0, 20'000);
    write_fully(out_, text);
    ASSERT_TRUE(eventually_all_is(text));
    for (const Archive& a : list_archives(dir(), Stream::out)) {
        const std::string part = read_file(log_path(dir(), Stream::out, a.number));
        EXPECT_TRUE(part.ends_with('\n')) << a.number;
        EXPECT_TRUE(part.starts_with("line ")) << a.number;
        EXPECT_LE(part.size(), 10'000U);
        EXPECT_GT(part.size(), 9'000U);
    }
}

TEST_F(Capture, keeps_a_line_whole_that_exceeds_the_limit_by_less_than_as_much_again) {
    start_daemon({.max_size_bytes = 100'000, .retain_count = 10});
    const std::string text = "before\n" + std::string(150'000, 'x') + "\nafter\n";
    write_fully(out_, text);
    ASSERT_TRUE(eventually_all_is(text));
    for (const Archive& a : list_archives(dir(), Stream::out)) {
        EXPECT_TRUE(read_file(log_path(dir(), Stream::out, a.number)).ends_with('\n')) << a.number;
    }
    EXPECT_EQ(read_file(log_path(dir(), Stream::out)), "after\n");
}

TEST_F(Capture, keeps_no_more_archives_than_asked_for) {
    start_daemon({.max_size_bytes = 1'000, .retain_count = 3});
    write_fully(out_, numbered_lines(0, 5'000));
    write_fully(out_, "end\n");
    EXPECT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("end\n"); }));
    EXPECT_EQ(list_archives(dir(), Stream::out).size(), 3U);
}

TEST_F(Capture, enforces_retention_when_opened) {
    fs::create_directories(dir());
    for (std::uint32_t i = 1; i <= 5; ++i) write_file(log_path(dir(), Stream::out, i), "old\n");
    start_daemon({.max_size_bytes = 1'000, .retain_count = 2});
    EXPECT_TRUE(test::eventually([&] { return list_archives(dir(), Stream::out).size() == 2; }));
}

TEST_F(Capture, says_why_it_dropped_output) {
    fs::create_directories(log_path(dir(), Stream::out));
    start_daemon();
    write_fully(out_, "one\n");
    ASSERT_TRUE(test::eventually([&] { return capture_->count("web").dropped_bytes == 4; }));
    fs::remove(log_path(dir(), Stream::out));
    write_fully(out_, "two\n");
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("two\n"); }));
    const std::string text = read_all(dir());
    EXPECT_EQ(text.find("[syspulse: 4 bytes dropped: "), 0U) << text;
    EXPECT_NE(text.find("Is a directory]\ntwo\n"), std::string::npos) << text;
}

TEST_F(Capture, compresses_what_an_earlier_manager_left_uncompressed) {
    fs::create_directories(dir());
    write_file(log_path(dir(), Stream::out, 1), "old\n");
    write_file(compressed_path(dir(), Stream::out, 1), "half written");
    start_daemon({.max_size_bytes = 1'000, .retain_count = 2, .compress_rotated = true});
    EXPECT_TRUE(test::eventually([&] { return !fs::exists(log_path(dir(), Stream::out, 1)); }));
    EXPECT_EQ(read_gzip(compressed_path(dir(), Stream::out, 1)), "old\n");
    // It is made beside the compression, by another thread.
    EXPECT_TRUE(test::eventually([&] { return fs::exists(log_path(dir(), Stream::out)); }));
    EXPECT_EQ(fs::status(compressed_path(dir(), Stream::out, 1)).permissions(),
              fs::status(log_path(dir(), Stream::out, 0)).permissions());
}

TEST_F(Capture, puts_a_timestamp_before_each_line_once) {
    start_daemon({.timestamps = true});
    write_fully(out_, "one\ntw");
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("tw"); }));
    write_fully(out_, "o\n\n");
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with(" \n"); }));
    const std::string text = read_all(dir());
    const std::size_t stamp = std::string_view("2026-11-24T00:19:39.123Z ").size();
    EXPECT_EQ(text.size(), 3 * stamp + std::string_view("one\ntwo\n\n").size());
    EXPECT_TRUE(parse_rfc3339(text.substr(0, stamp - 1)));
    EXPECT_EQ(text.substr(stamp, 4), "one\n");
    EXPECT_EQ(text.substr(2 * stamp + 4, 4), "two\n");
}

TEST_F(Capture, rotates_lines_with_timestamps_below_the_limit) {
    start_daemon({.max_size_bytes = 2'000, .retain_count = 500, .timestamps = true});
    write_fully(out_, numbered_lines(0, 3'000));
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("line 2999\n"); }));
    const std::string text = read_all(dir());
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3'000);
    for (const Archive& a : list_archives(dir(), Stream::out)) {
        EXPECT_LE(fs::file_size(log_path(dir(), Stream::out, a.number)), 2'000U);
    }
}

TEST_F(Capture, goes_on_after_a_restart_of_the_manager_while_the_daemon_keeps_writing) {
    start_daemon({.max_size_bytes = 100'000, .retain_count = 1000});
    const std::string text = numbered_lines(0, 300'000);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += 1000) {
            write_fully(out_, std::string_view(text).substr(at, 1000));
        }
    });
    for (int i = 0; i < 20; ++i) {
        capture_.reset();
        start_capture();
        ASSERT_TRUE(
            capture_->open("web", {.max_size_bytes = 100'000, .retain_count = 1000}).has_value());
        capture_->handles_used("web");
    }
    writer.join();
    EXPECT_TRUE(eventually_all_is(text));
}

TEST_F(Capture, begins_a_new_file_when_somebody_removes_or_empties_the_log) {
    start_daemon();
    write_fully(out_, "one\n");
    ASSERT_TRUE(eventually_all_is("one\n"));
    fs::remove(log_path(dir(), Stream::out));
    write_fully(out_, "two\n");
    ASSERT_TRUE(eventually_all_is("two\n"));
    fs::resize_file(log_path(dir(), Stream::out), 0);
    write_fully(out_, "three\n");
    EXPECT_TRUE(eventually_all_is("three\n"));
}

TEST_F(Capture, says_what_is_in_the_way_of_the_pipe) {
    fs::create_directories(dir());
    write_file(pipe_path(dir(), Stream::out), "not a pipe");
    const auto handles = capture_->open("web", {});
    ASSERT_FALSE(handles);
    EXPECT_NE(handles.error().message.find("remove it"), std::string::npos);
}

// The manager is killed, again and again, while its daemon writes: splicing keeps every byte either
// in the pipe or in the file.
TEST_F(Capture, loses_and_doubles_nothing_when_the_manager_is_killed) {
    capture_.reset();
    fs::create_directories(dir());
    ASSERT_EQ(::mkfifo(pipe_path(dir(), Stream::out).c_str(), 0600), 0);
    const int out = ::open(pipe_path(dir(), Stream::out).c_str(), O_RDWR | O_CLOEXEC);
    const std::string text = numbered_lines(0, 200'000);
    std::atomic<bool> written = false;
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += 500) {
            write_fully(out, std::string_view(text).substr(at, 500));
        }
        written = true;
    });
    const auto size_of_log = [&] {
        std::error_code none_yet;
        return fs::file_size(log_path(dir(), Stream::out), none_yet);
    };
    const char* const manager = "/proc/self/exe";
    const std::string logs = logs_dir().string();
    while (!written) {
        const auto before = size_of_log();
        pid_t pid = -1;
        const char* const argv[] = {"manager", "--play-manager", logs.c_str(), nullptr};
        ASSERT_EQ(::posix_spawn(&pid, manager, nullptr, nullptr, const_cast<char**>(argv), environ),
                  0);
        ASSERT_TRUE(test::eventually([&] { return written || size_of_log() != before; }));
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    writer.join();
    start_capture();
    ASSERT_TRUE(capture_->open("web", {.max_size_bytes = 100'000, .retain_count = 1000}));
    ::close(out);
    EXPECT_TRUE(eventually_all_is(text));
}

}  // namespace

// The manager that loses_and_doubles_nothing_when_the_manager_is_killed kills.
[[noreturn]] void play_manager(const char* logs_dir) {
    const auto clock = platform::make_system_clock();
    const auto capture = *make_capture(logs_dir, *clock);
    static_cast<void>(
        capture->open("web", {.max_size_bytes = 100'000, .retain_count = 1000}).has_value());
    for (;;) ::pause();
}

}  // namespace syspulse::logs

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "--play-manager") {
        syspulse::logs::play_manager(argv[2]);
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
