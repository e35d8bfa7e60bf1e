#include "logs/stream_writer.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "logs/line_pieces.hpp"
#include "logs/time_index.hpp"

namespace syspulse::logs {
namespace {

// From this filling on a pipe is worth its larger size.
constexpr std::size_t busy_bytes = 32 * 1024;

// Bytes up to and including the last (first) newline; zero without one.
std::size_t through_last_newline(std::string_view text) {
    const auto at = text.rfind('\n');
    return at == std::string_view::npos ? 0 : at + 1;
}
std::size_t through_first_newline(std::string_view text) {
    const auto at = text.find('\n');
    return at == std::string_view::npos ? 0 : at + 1;
}

}  // namespace

StreamWriter::StreamWriter(WriterTools& tools, std::shared_ptr<const KeptPath> dir, Stream stream,
                           platform::NativeHandle pipe, std::shared_ptr<OutputMeter> meter)
    : tools_(tools),
      dir_(std::move(dir)),
      stream_(stream),
      meter_(meter ? std::move(meter) : std::make_shared<OutputMeter>()),
      pipe_(pipe) {}

StreamWriter::~StreamWriter() {
    if (dropped_ > 0) {
        log::warn(std::to_string(dropped_) + " bytes of output to " +
                  log_path(*dir_, stream_).string() + " were dropped");
    }
    tools_.pipes.close(pipe_);
}

void StreamWriter::use(const platform::CaptureSettings& settings) {
    settings_ = settings;
    rotates_again_at_.reset();
}

void StreamWriter::put_in_order() {
    tools_.archiver.tidy(*dir_, stream_, settings_.retain_count);
    if (settings_.compress_rotated) tools_.archiver.compress(*dir_, stream_);
    // People look for the file as soon as the daemon exists.
    static_cast<void>(ready_file().has_value());
    close_file();
}

void StreamWriter::pump_at_most(std::size_t most) {
    std::size_t taken = 0;
    while (taken < most && has_bytes()) {
        const std::size_t more = pump();
        if (more == 0) return;
        taken += more;
    }
}

void StreamWriter::replace_pipe(platform::NativeHandle pipe, std::size_t most) {
    pump_at_most(most);
    // What waits for room, or comes faster than it is read, has nobody to hold it any more.
    if (has_bytes()) {
        drop(tools_.pipes.available(pipe_),
             Error{ErrorCode::unavailable, "its pipe was replaced while more was to be written"});
    }
    tools_.pipes.close(std::exchange(pipe_, pipe));
    enlarged_ = false;
}

std::size_t StreamWriter::pump() {
    const std::size_t available = tools_.pipes.available(pipe_);
    if (available == 0) return 0;
    if (available >= busy_bytes && !std::exchange(enlarged_, true)) tools_.pipes.enlarge(pipe_);
    auto written = write_some(available);
    while (!written && make_room(written.error())) written = write_some(available);
    if (!written && settings_.wait_when_full) {
        tell_trouble("waits", written.error());
        return 0;
    }
    if (!written) return drop(available, written.error());
    if (*written > 0) tell_end_of_trouble();
    meter_->bytes += *written;
    return *written;
}

Result<std::size_t> StreamWriter::write_some(std::size_t available) {
    for (;;) {
        if (auto ready = ready_file(); !ready) return ready.error();
        if (auto noted = note_dropped(); !noted) return noted.error();
        note_time();
        auto written = settings_.timestamps ? stamp_some(available) : move_some(available);
        const bool only_rotated = written && *written == 0 && !file_;
        if (!only_rotated) return written;
    }
}

// Zero without one: after a rotation that failed there is none until the next attempt, so that
// whatever waits can be written in between.
std::uint64_t StreamWriter::size_limit() const {
    if (!rotates_again_at_) return settings_.max_size_bytes;
    return size_ < *rotates_again_at_ ? 0 : *rotates_again_at_;
}

// How much more of the line that it ends with the file may take: past the limit as far again, but
// no further than a reader takes a line for one.
std::uint64_t StreamWriter::room_for_end_of_line() const {
    const std::uint64_t limit = size_limit();
    if (limit == 0) return std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t most = limit + std::min<std::uint64_t>(limit, max_line_bytes);
    return most > size_ ? most - size_ : 0;
}

// Somebody may have emptied or removed the file; the next byte goes where it ends now.
Result<void> StreamWriter::ready_file() {
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (!file_) {
            const auto path = log_path(*dir_, stream_);
            begin_index(path);
            auto opened = platform::OutputFile::open_for_writing(path);
            if (!opened && opened.error().code == ErrorCode::not_found) {
                std::error_code ignored;
                std::filesystem::create_directories(*dir_, ignored);
                opened = platform::OutputFile::open_for_writing(path);
            }
            if (!opened) return opened.error();
            file_ = *std::move(opened);
        }
        const auto state = file_.state();
        if (!state) return state.error();
        size_ = state->size;
        counted_ = std::min(counted_.value_or(size_), size_);
        continues_line_ = continues_line_ && size_ == 0;
        if (!state->unlinked) return {};
        hand_in_lines();
    }
    return Error{ErrorCode::unavailable, "cannot open a log file: it is being removed"};
}

// Readers tell parts of the log by their indexes, which compression leaves as they are; so no log
// is seen without one.
void StreamWriter::begin_index(const std::filesystem::path& log) {
    std::error_code ignored;
    if (std::filesystem::exists(log, ignored)) return;
    const WallTime now = tools_.clock.now().wall;
    if (append_time(index_path(*dir_, stream_), now, 0)) indexed_ = now;
}

// Splits so that the file ends with a whole line below the limit, or with one that exceeds the
// limit a little. A line that would exceed it by more goes on in the next file.
Result<std::size_t> StreamWriter::move_some(std::size_t available) {
    const std::uint64_t limit = size_limit();
    const std::uint64_t room = limit > size_ ? limit - size_ : 0;
    if (limit == 0 || available <= room) return move(available);

    const auto peeked = tools_.pipes.peek(pipe_, {tools_.peeked.get(), peek_bytes});
    if (!peeked) return peeked.error();
    const std::string_view text(tools_.peeked.get(), std::min(*peeked, available));
    const std::size_t fits =
        text.size() <= room ? text.size()
                            : through_last_newline(text.substr(0, static_cast<std::size_t>(room)));
    if (fits == text.size()) return move(fits);
    if (fits > 0) {
        auto moved = move(fits);
        if (moved && *moved == fits) rotate();
        return moved;
    }
    const std::uint64_t more = room_for_end_of_line();
    if (more == 0 || (size_ > 0 && at_line_start())) {
        rotate();
        return std::size_t{0};
    }
    const std::string_view rest =
        text.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(more, text.size())));
    const std::size_t end_of_line = through_first_newline(rest);
    auto moved = move(end_of_line > 0 ? end_of_line : rest.size());
    if (moved && end_of_line > 0 && *moved == end_of_line) rotate();
    return moved;
}

Result<std::size_t> StreamWriter::move(std::size_t size) {
    auto moved = tools_.pipes.move_to(pipe_, file_, size_, size);
    if (moved && *moved > 0) {
        size_ += *moved;
        line_may_be_open_ = true;
        file_.touch();
    }
    return moved;
}

// The pipe keeps the bytes until they are in the file: a crash in between doubles lines, it loses
// none.
Result<std::size_t> StreamWriter::stamp_some(std::size_t available) {
    const auto peeked = tools_.pipes.peek(pipe_, {tools_.peeked.get(), peek_bytes});
    if (!peeked) return peeked.error();
    const std::string stamp = format_rfc3339(tools_.clock.now().wall) + " ";
    bool full = false;
    const std::size_t used =
        stamp_lines(std::min(*peeked, available), at_line_start(), stamp, full);
    if (used > 0) {
        if (auto written = append(tools_.text); !written) return written.error();
        tools_.pipes.discard(pipe_, used);
    }
    if (full) rotate();
    return used;
}

// Fills tools_.text and returns how many peeked bytes it stands for; `full` if what follows is for
// the next file.
std::size_t StreamWriter::stamp_lines(std::size_t size, bool at_line_start,
                                      const std::string& stamp, bool& full) {
    const std::uint64_t limit = size_limit();
    const std::uint64_t most = room_for_end_of_line();
    const std::string_view text(tools_.peeked.get(), size);
    std::size_t used = 0;
    tools_.text.clear();
    while (used < text.size()) {
        const std::size_t through = through_first_newline(text.substr(used));
        std::size_t length = through > 0 ? through : text.size() - used;
        const std::uint64_t before = size_ + tools_.text.size();
        full = at_line_start ? limit > 0 && before > 0 && before + stamp.size() + length > limit
                             : tools_.text.size() >= most;
        if (full) break;
        if (at_line_start) {
            tools_.text += stamp;
        } else {
            length = static_cast<std::size_t>(
                std::min<std::uint64_t>(length, most - tools_.text.size()));
        }
        tools_.text += text.substr(used, length);
        at_line_start = tools_.text.ends_with('\n');
        used += length;
    }
    return used;
}

Result<void> StreamWriter::append(std::string_view text) {
    if (auto written = file_.write_at(size_, text); !written) {
        static_cast<void>(file_.truncate(size_).has_value());
        return written;
    }
    size_ += text.size();
    line_may_be_open_ = true;
    return {};
}

void StreamWriter::rotate() {
    continues_line_ = !at_line_start();
    hand_in_lines();
    auto rotated = tools_.archiver.rotate(*dir_, stream_, settings_.retain_count);
    if (!rotated) {
        if (!rotates_again_at_)
            log::warn(rotated.error().message + "; the file grows until that works");
        rotates_again_at_ = size_ + std::max<std::uint64_t>(1, settings_.max_size_bytes / 10);
        counted_ = size_;
        return;
    }
    if (std::exchange(rotates_again_at_, std::nullopt))
        log::info("rotated " + log_path(*dir_, stream_).string() + " again");
    if (settings_.compress_rotated) tools_.archiver.compress(*dir_, stream_);
}

void StreamWriter::complete_line() {
    if (!line_may_be_open_ || tools_.pipes.has_writers(pipe_) || has_bytes()) return;
    if (!ready_file()) return;
    if (!at_line_start()) static_cast<void>(append("\n").has_value());
    line_may_be_open_ = false;
}

// Nothing more will be written to the open file under this name.
void StreamWriter::hand_in_lines() {
    tools_.lines.add(std::move(file_), counted_.value_or(size_), size_, meter_);
    file_.close();
    counted_ = 0;
}

void StreamWriter::count_lines() {
    if (!counted_ || *counted_ >= size_) return;
    auto file = platform::OutputFile::open_for_reading(log_path(*dir_, stream_));
    if (!file) return;
    tools_.lines.add(*std::move(file), *counted_, size_, meter_);
    counted_ = size_;
}

void StreamWriter::rest() {
    close_file();
    rotates_again_at_.reset();
}

bool StreamWriter::at_line_start() const {
    if (size_ == 0) return !continues_line_;
    char last = '\n';
    const auto got = file_.read_at(size_ - 1, std::span(&last, 1));
    return !got || *got == 0 || last == '\n';
}

// A file without records, or with old ones, costs only precision; so failures are left alone.
void StreamWriter::note_time() {
    const WallTime now = tools_.clock.now().wall;
    const bool recent = now >= indexed_ && now - indexed_ < index_step;
    if (recent && size_ > 0) return;
    if (append_time(index_path(*dir_, stream_), now, size_)) indexed_ = now;
}

Result<void> StreamWriter::note_dropped() {
    if (dropped_ == 0) return {};
    const std::string note = std::string(at_line_start() ? "" : "\n") +
                             "[syspulse: " + std::to_string(dropped_) +
                             " bytes dropped: " + *dropped_why_ + "]\n";
    if (auto written = append(note); !written) return written;
    log::warn(std::to_string(dropped_) + " bytes of output to " +
              log_path(*dir_, stream_).string() + " were dropped");
    dropped_ = 0;
    return {};
}

void StreamWriter::tell_trouble(const char* what, const Error& why) {
    if (std::exchange(in_trouble_, true)) return;
    log::warn("output to " + log_path(*dir_, stream_).string() + " " + what +
              " until it can be written: " + why.message);
}

void StreamWriter::tell_end_of_trouble() {
    if (!std::exchange(in_trouble_, false)) return;
    log::info("writing to " + log_path(*dir_, stream_).string() + " again");
}

// A daemon that waits for its log for ever is worse than a log with a gap.
std::size_t StreamWriter::drop(std::size_t size, const Error& why) {
    tell_trouble("is dropped", why);
    if (dropped_ == 0) dropped_why_ = why.message;
    const std::size_t gone = tools_.pipes.discard(pipe_, size);
    dropped_ += gone;
    meter_->dropped_bytes += gone;
    return gone;
}

bool StreamWriter::make_room(const Error& why) {
    if (why.code != ErrorCode::unavailable) return false;
    const Stream other = stream_ == Stream::out ? Stream::err : Stream::out;
    return tools_.archiver.drop_oldest(*dir_, stream_) || tools_.archiver.drop_oldest(*dir_, other);
}

}  // namespace syspulse::logs
