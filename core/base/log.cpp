#include "base/log.hpp"

#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "base/background_log.hpp"
#include "base/background_writer.hpp"

namespace syspulse::log {
namespace {

constexpr std::size_t waiting_max = 256 * 1024;
// Before the process ends, for a reader who is slow.
constexpr Duration patience = std::chrono::seconds{1};

// Null: standard error.
std::atomic<std::FILE*>& other_output() {
    static std::atomic<std::FILE*> file = nullptr;
    return file;
}

bool write_stderr(std::string_view text) {
    std::FILE* const other = other_output();
    std::FILE* const output = other == nullptr ? stderr : other;
    std::fwrite(text.data(), 1, text.size(), output);
    // Not every C library leaves standard error unbuffered, and a process may be ended any moment.
    std::fflush(output);
    return true;  // What cannot be written has nowhere else to go.
}

std::string_view color_of(spdlog::level::level_enum level) {
    if (level == spdlog::level::err) return "\033[31m\033[1m";
    if (level == spdlog::level::warn) return "\033[33m\033[1m";
    return level == spdlog::level::info ? "\033[32m" : "\033[36m";
}

class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    void set_writer(std::unique_ptr<BackgroundWriter> writer) {
        const std::lock_guard lock(mutex_);
        if (writer_) writer_->flush(patience);
        writer_ = std::move(writer);
    }

    void write_last(std::string_view text) {
        const std::lock_guard lock(mutex_);
        if (!writer_) {
            write_stderr(text);
            return;
        }
        writer_->write(text);
        writer_->flush(patience);
    }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t formatted;
        formatter_->format(message, formatted);
        std::string text(formatted.data(), formatted.size());
        if (colored_ && message.color_range_end > message.color_range_start) {
            text.insert(message.color_range_end, "\033[m");
            text.insert(message.color_range_start, color_of(message.level));
        }
        if (!writer_) {
            write_stderr(text);
            return;
        }
        if (lost_ > 0)
            text =
                std::to_string(lost_) + " messages of the log were not read and are lost\n" + text;
        lost_ = writer_->write(text) ? 0 : lost_ + 1;
    }
    void flush_() override {}

    const bool colored_ =
        spdlog::details::os::in_terminal(stderr) && spdlog::details::os::is_color_terminal();
    std::unique_ptr<BackgroundWriter> writer_;
    std::size_t lost_ = 0;
};

// spdlog keeps a registry anyway; this function-local logger is ours and thread-safe.

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> instance = [] {
        auto made = std::make_shared<spdlog::logger>("syspulse", std::make_shared<StderrSink>());
        made->set_formatter(std::make_unique<spdlog::pattern_formatter>(
            "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc, "\n"));
        made->set_level(spdlog::level::warn);
        return made;
    }();
    return *instance;
}

StderrSink& sink() {
    return static_cast<StderrSink&>(*logger().sinks().front());
}

spdlog::level::level_enum native(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warn:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
        case Level::off:
            return spdlog::level::off;
    }
    return spdlog::level::info;
}

}  // namespace

void write_to(std::FILE* file) {
    other_output() = file;
}

void set_level(Level level) {
    logger().set_level(native(level));
}

Background::Background() {
    auto writer = BackgroundWriter::start(write_stderr, waiting_max, nullptr);
    if (writer) {
        sink().set_writer(std::move(*writer));
    } else {
        warn(writer.error().message);
    }
}

Background::~Background() {
    sink().set_writer(nullptr);
}

void write(Level level, std::string_view message) {
    logger().log(native(level), spdlog::string_view_t(message.data(), message.size()));
}

void last_words(std::string_view message) {
    sink().write_last("syspulse: " + std::string(message) + "\n");
}

}  // namespace syspulse::log
