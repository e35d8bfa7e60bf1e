#include "manager/foreground_output.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/log.hpp"
#include "logs/reader.hpp"

namespace syspulse::manager {
namespace {

constexpr std::size_t bytes_per_read = 64 * 1024;
// What waits for somebody to read it. Daemons' output beyond that waits in the log files.
constexpr std::size_t waiting_max = 128 * 1024;
// How much a line waits for, when what a process left behind writes without end.
constexpr std::size_t last_output_max = 64 * 1024 * 1024;
// Lines that wait; more are only counted.
constexpr std::size_t held_max = 1000;
constexpr std::size_t in_a_row_max = 250;
// At the end, a reader who takes nothing for so long is not waited for, nor a disk.
constexpr Duration last_patience = std::chrono::seconds{2};
constexpr Duration disk_patience = std::chrono::seconds{10};
constexpr std::array<std::string_view, 6> palette{"\033[36m", "\033[33m", "\033[32m",
                                                  "\033[35m", "\033[34m", "\033[31m"};

}  // namespace

ForegroundOutput::ForegroundOutput(platform::EventLoop& loop, platform::OutputCapture& capture,
                                   std::filesystem::path logs_dir, bool color,
                                   std::function<void()> gone)
    : loop_(loop),
      capture_(capture),
      logs_dir_(std::move(logs_dir)),
      color_(color),
      gone_(std::move(gone)) {}

Result<void> ForegroundOutput::start(BackgroundWriter::Sink sink) {
    auto output = BackgroundWriter::start(std::move(sink), waiting_max,
                                          [this] { loop_.post([this] { output_changed(); }); });
    if (!output) return output.error();
    output_ = std::move(*output);
    return {};
}

void ForegroundOutput::follow(const std::vector<std::string>& daemons) {
    for (std::size_t i = 0; i < daemons.size(); ++i) {
        width_ = std::max(width_, daemons[i].size());
        follow(daemons[i], i);
    }
}

void ForegroundOutput::follow(const std::string& daemon, std::size_t number) {
    colors_[daemon] = palette[number % palette.size()];
    logs::Query query{true, true, 0, std::nullopt};
    auto reader = logs::Reader::open(logs_dir_, daemon, query);
    if (!reader)
        return log::warn("cannot show the output of " + daemon + ": " + reader.error().message);
    auto follower = logs::follow(loop_, std::move(*reader), [this, daemon] { print(daemon); });
    if (!follower)
        return log::warn("cannot show the output of " + daemon + ": " + follower.error().message);
    followers_[daemon] = std::move(*follower);
}

std::string ForegroundOutput::prefix(const std::string& name) const {
    std::string padded = name;
    padded.resize(std::max(width_, name.size()), ' ');
    padded += " | ";
    if (!color_) return padded;
    const auto color = colors_.find(name);
    return std::string(color == colors_.end() ? "" : color->second) + padded + "\033[0m";
}

void ForegroundOutput::tell(const std::string& daemon, const std::string& text,
                            bool after_its_output) {
    const bool waits = after_its_output && followers_.contains(daemon);
    const bool at_once = !waits && held_.empty();
    if (at_once && write(prefix("syspulse") + text + '\n')) return;
    if (at_once || held_.size() >= held_max) {
        ++unshown_;
        return;
    }
    held_.push_back({++last_number_, daemon, text, !waits});
    if (!waits) return;
    capture_.when_written(daemon, [this, &loop = loop_, number = last_number_] {
        loop.post([this, number] { written(number); });
    });
}

void ForegroundOutput::written(std::uint64_t number) {
    const auto held = std::ranges::find(held_, number, &Held::number);
    if (held == held_.end()) return;
    held->is_written = true;
    advance();
}

// Shows held lines while what comes before them is shown. Others go on after them all; or after
// many, for daemons that end without end.
void ForegroundOutput::advance() {
    while (!held_.empty() && held_.front().is_written) {
        Held& held = held_.front();
        if (waiting_.contains(held.daemon)) return;  // Until there is room.
        if (print_some(held.daemon) && held.shown < last_output_max) {
            held.shown += bytes_per_read;
            return loop_.post([this] { advance(); });
        }
        if (waiting_.contains(held.daemon)) return;
        if (!write(prefix("syspulse") + held.text + '\n')) return;
        held_.pop_front();
        if (++in_a_row_ < in_a_row_max) continue;
        in_a_row_ = 0;
        for (const std::string& other : std::exchange(later_, {})) {
            if (print_some(other)) later_.insert(other);
        }
    }
    if (!held_.empty()) return;
    in_a_row_ = 0;
    for (const std::string& other : std::exchange(later_, {})) print(other);
}

// Whatever a daemon wrote after another's end has its place after the line that tells of the end.
bool ForegroundOutput::has_to_wait(const std::string& daemon) const {
    return !held_.empty() && held_.front().daemon != daemon;
}

// A piece at a time, so that a daemon that writes without end leaves room for others.
void ForegroundOutput::print(const std::string& daemon) {
    if (has_to_wait(daemon)) {
        later_.insert(daemon);
        return;
    }
    if (print_some(daemon)) loop_.post([this, daemon] { print(daemon); });
}

// True if there is more, and room for it.
bool ForegroundOutput::print_some(const std::string& daemon) {
    const auto found = followers_.find(daemon);
    if (found == followers_.end()) return false;
    std::string& text = unwritten_[daemon];
    bool more = true;
    if (text.empty()) {
        std::vector<logs::Line> lines;
        const auto read = found->second->read_some(lines, bytes_per_read);
        if (!read) {
            log::warn("cannot show the output of " + daemon + ": " + read.error().message);
            return false;
        }
        more = *read;
        for (const logs::Line& line : lines) {
            text += prefix(daemon) + line.text;
            if (line.text.empty() || line.text.back() != '\n') text += '\n';
        }
    }
    if (!text.empty() && !write(text)) {
        waiting_.insert(daemon);
        return false;
    }
    text.clear();
    return more;
}

// There is room again. Or there is nobody to see it any more, and so no foreground.
void ForegroundOutput::output_changed() {
    if (output_->is_gone()) return gone_();
    if (unshown_ > 0 && write(prefix("syspulse") + std::to_string(unshown_) +
                              " changes are not shown; see syspulse events\n"))
        unshown_ = 0;
    for (const std::string& daemon : std::exchange(waiting_, {})) print(daemon);
    advance();
}

void ForegroundOutput::finish() {
    wait_for_capture();
    for (const Held& held : std::exchange(held_, {})) {
        if (!print_rest(held.daemon)) return;
        const std::string line = prefix("syspulse") + held.text + '\n';
        if (!write(line) && output_->flush(last_patience)) write(line);
    }
    for (const auto& [daemon, follower] : followers_) {
        if (!print_rest(daemon)) return;
    }
    output_->flush(last_patience);
}

// There is no loop any more that could tell.
void ForegroundOutput::wait_for_capture() {
    struct Count {
        std::mutex mutex;
        std::condition_variable news;
        std::size_t missing = 0;
    };
    const auto count = std::make_shared<Count>();
    count->missing = followers_.size();
    for (const auto& [daemon, follower] : followers_) {
        capture_.when_written(daemon, [count] {
            const std::lock_guard lock(count->mutex);
            --count->missing;
            count->news.notify_all();
        });
    }
    std::unique_lock lock(count->mutex);
    count->news.wait_for(lock, disk_patience, [&] { return count->missing == 0; });
}

// False if nobody takes it.
bool ForegroundOutput::print_rest(const std::string& daemon) {
    while (print_some(daemon) || waiting_.erase(daemon) > 0) {
        if (!output_->flush(last_patience)) return false;
    }
    return true;
}

}  // namespace syspulse::manager
