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

// What the other thread works on.
struct ForegroundOutput::Source::Work {
    Work(logs::Reader begun, std::string its_prefix)
        : reader(std::move(begun)), prefix(std::move(its_prefix)) {}

    void read() {
        const std::lock_guard lock(mutex);
        logs::Line line;
        more = true;
        while (more && piece.size() < bytes_per_read) {
            more = reader.next(line);
            if (!more) break;
            std::string_view shown = line.text;
            if (shown.ends_with('\n')) shown.remove_suffix(1);
            if (shown.ends_with('\r')) shown.remove_suffix(1);
            (piece += prefix).append(shown) += '\n';
        }
    }
    std::string take(bool& was_last) {
        const std::lock_guard lock(mutex);
        was_last = !more;
        return std::exchange(piece, {});
    }
    void end_at_present() {
        const std::lock_guard lock(mutex);
        reader.end_at_present();
    }

    std::mutex mutex;
    logs::Reader reader;
    std::string prefix;
    std::string piece;
    bool more = true;
};

ForegroundOutput::ForegroundOutput(platform::EventLoop& loop, platform::OutputCapture& capture,
                                   Background background, std::filesystem::path logs_dir,
                                   bool color, std::function<void()> gone)
    : loop_(loop),
      capture_(capture),
      background_(std::move(background)),
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
    for (const std::string& daemon : daemons) width_ = std::max(width_, daemon.size());
    for (std::size_t i = 0; i < daemons.size(); ++i) follow(daemons[i], i);
}

void ForegroundOutput::follow(const std::string& daemon, std::size_t number) {
    colors_[daemon] = palette[number % palette.size()];
    logs::Query query{true, true, 0, std::nullopt};
    auto reader = logs::Reader::open(logs_dir_, daemon, query);
    if (!reader)
        return log::warn("cannot show the output of " + daemon + ": " + reader.error().message);
    auto watch = logs::watch_logs(loop_, *reader, [this, daemon] { print(daemon); });
    if (!watch)
        return log::warn("cannot show the output of " + daemon + ": " + watch.error().message);
    Source& source = sources_[daemon];
    source.work = std::make_shared<Source::Work>(std::move(*reader), prefix(daemon));
    source.watch = std::move(*watch);
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
    const bool waits = after_its_output && sources_.contains(daemon);
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
    // A look that has begun may have come too early.
    sources_.at(held->daemon).look_again = true;
    advance();
}

// Shows held lines while what comes before them is shown. Others go on after them all; or after
// many, for daemons that end without end.
void ForegroundOutput::advance() {
    while (!held_.empty() && held_.front().is_written) {
        Held& held = held_.front();
        held.is_due = held.is_due || print_some(held.daemon) || held.shown > last_output_max;
        if (!held.is_due) return;  // Until more is read, or there is room.
        if (!write(prefix("syspulse") + held.text + '\n')) return;
        held_.pop_front();
        if (++in_a_row_ < in_a_row_max) continue;
        in_a_row_ = 0;
        for (const std::string& other : std::exchange(later_, {})) {
            if (!print_some(other)) later_.insert(other);
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

// Whether the next line waits for what this daemon has written.
bool ForegroundOutput::is_awaited(const std::string& daemon) const {
    return !held_.empty() && held_.front().is_written && held_.front().daemon == daemon;
}

void ForegroundOutput::print(const std::string& daemon) {
    if (has_to_wait(daemon)) {
        later_.insert(daemon);
    } else {
        print_some(daemon);
    }
}

// What has been read, a piece at most, so that a daemon that writes without end leaves room for
// others. True if that is all there is; else was_read() or output_changed() goes on.
bool ForegroundOutput::print_some(const std::string& daemon) {
    const auto found = sources_.find(daemon);
    if (found == sources_.end()) return true;
    Source& source = found->second;
    if (source.state == Source::State::read) {
        source.state = Source::State::idle;
        source.text = source.work->take(source.at_end);
    }
    if (!source.text.empty()) {
        if (!write(source.text)) {
            waiting_.insert(daemon);
            return false;
        }
        if (is_awaited(daemon)) held_.front().shown += source.text.size();
        source.text.clear();
    }
    if (std::exchange(source.at_end, false) && !source.look_again) {
        source.watch->caught_up();
        return true;
    }
    read(daemon, source);
    return false;
}

void ForegroundOutput::read(const std::string& daemon, Source& source) {
    if (finishing_) {
        source.look_again = false;
        source.work->read();
        source.state = Source::State::read;
        return;
    }
    if (source.state == Source::State::reading) return;
    source.state = Source::State::reading;
    source.look_again = false;
    background_([&loop = loop_, work = source.work, me = std::weak_ptr(me_), daemon] {
        work->read();
        loop.post([me, daemon] {
            if (const auto output = me.lock()) (*output)->was_read(daemon);
        });
    });
}

void ForegroundOutput::was_read(const std::string& daemon) {
    sources_.at(daemon).state = Source::State::read;
    if (is_awaited(daemon)) {
        advance();
    } else {
        print(daemon);
    }
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
    finishing_ = true;
    for (const auto& [daemon, source] : sources_) source.work->end_at_present();
    for (const Held& held : std::exchange(held_, {})) {
        if (!print_rest(held.daemon)) return;
        const std::string line = prefix("syspulse") + held.text + '\n';
        if (!write(line) && output_->flush(last_patience)) write(line);
    }
    for (const auto& [daemon, source] : sources_) {
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
    count->missing = sources_.size();
    for (const auto& [daemon, source] : sources_) {
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
    while (!print_some(daemon)) {
        if (!output_->flush(last_patience)) return false;
    }
    return true;
}

}  // namespace syspulse::manager
