// What the tests of core/logs share: a directory of their own, a daemon that is played by the test,
// and looks at files.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "logs/archiver.hpp"
#include "logs/capture.hpp"
#include "logs/gzip.hpp"
#include "logs/stream.hpp"
#include "platform/clock.hpp"
#include "support/eventually.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::logs {

// ThreadSanitizer knows one descriptor table per process, so the capture has none of its own then.
#ifdef __SANITIZE_THREAD__
constexpr bool shares_descriptors = true;
#else
constexpr bool shares_descriptors = false;
#endif
constexpr const char* one_descriptor_table =
    "under ThreadSanitizer the capture shares the process's descriptor table";

using test::write_file;

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string read_gzip(const std::filesystem::path& path) {
    auto file = platform::OutputFile::open_for_reading(path);
    if (!file) return {};
    auto reader = GzipReader::open(*std::move(file));
    std::string text;
    char block[65536];
    while (const std::size_t n = (*reader)->read(block)) text.append(block, n);
    return text;
}

// All parts of a stream, the oldest first.
inline std::string read_all(const std::filesystem::path& dir, Stream stream = Stream::out) {
    auto archives = list_archives(dir, stream);
    std::reverse(archives.begin(), archives.end());
    std::string text;
    for (const Archive& a : archives) {
        text += a.compressed ? read_gzip(compressed_path(dir, stream, a.number))
                             : read_file(log_path(dir, stream, a.number));
    }
    return text + read_file(log_path(dir, stream));
}

inline void write_fully(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        ASSERT_GT(n, 0);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

inline std::string numbered_lines(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
}

// Compares long texts, and shows only where they begin to differ.
inline ::testing::AssertionResult is_same_text(const std::string& seen, const std::string& wanted) {
    const auto [at, there] = std::mismatch(seen.begin(), seen.end(), wanted.begin(), wanted.end());
    if (at == seen.end() && there == wanted.end()) return ::testing::AssertionSuccess();
    constexpr std::size_t shown = 40;
    const auto offset = static_cast<std::size_t>(at - seen.begin());
    const std::size_t from = offset - std::min(offset, shown);
    return ::testing::AssertionFailure()
           << seen.size() << " instead of " << wanted.size() << " bytes; at " << offset << " \""
           << seen.substr(from, 2 * shown) << "\" instead of \"" << wanted.substr(from, 2 * shown)
           << '"';
}

// The daemon "web" and its capture.
class LogTest : public ::testing::Test {
  protected:
    void TearDown() override { end_daemon(); }

    void start_capture() { capture_ = *make_capture(logs_dir(), *clock_); }

    // The test process plays the child: it keeps its own copies of the handles.
    void start_daemon(const platform::CaptureSettings& settings = {}) {
        const auto handles = capture_->open("web", settings);
        ASSERT_TRUE(handles) << handles.error().message;
        end_daemon();
        out_ = ::dup(static_cast<int>(handles->out));
        err_ = ::dup(static_cast<int>(handles->err));
        capture_->handles_used("web");
    }

    void end_daemon() {
        if (out_ >= 0) ::close(out_);
        if (err_ >= 0) ::close(err_);
        out_ = err_ = -1;
    }

    void end_run() {
        end_daemon();
        capture_->run_ended("web");
    }

    bool eventually_all_is(const std::string& text) {
        return test::eventually([&] { return read_all(dir()) == text; });
    }

    const std::filesystem::path& logs_dir() const { return directory_.path(); }
    std::filesystem::path dir() const { return logs_dir() / "web"; }

    test::TemporaryDirectory directory_;
    std::unique_ptr<platform::Clock> clock_ = platform::make_system_clock();
    std::unique_ptr<platform::OutputCapture> capture_;
    int out_ = -1;
    int err_ = -1;
};

}  // namespace syspulse::logs
