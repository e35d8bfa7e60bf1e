#include "logs/stream_cursor.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace syspulse::logs {
namespace {

constexpr std::size_t cursor_block_bytes = 64 * 1024;
constexpr std::size_t stamp_length = 24;  // "2026-11-24T00:19:39.123Z"

std::optional<WallTime> leading_timestamp(std::string_view line) {
    if (line.size() <= stamp_length || line[stamp_length] != ' ' || line[stamp_length - 1] != 'Z') {
        return std::nullopt;
    }
    const auto time = parse_rfc3339(line.substr(0, stamp_length));
    return time ? std::optional(*time) : std::nullopt;
}

}  // namespace

StreamCursor::StreamCursor(std::filesystem::path dir, Stream stream, const Query& query)
    : dir_(std::move(dir)),
      stream_(stream),
      since_(query.since),
      stamped_(query.stamped),
      want_times_(query.since.has_value()) {
    if (query.ends_at_present) end_at_present();
    if (query.from) {
        since_.reset();
        go_to(stream == Stream::out ? query.from->out : query.from->err);
    } else {
        find_start(query);
    }
}

// What came after the end, where there is one, does not count: it is not read either.
void StreamCursor::find_start(const Query& query) {
    if (last_end_ && !last_) return segments_.clear();
    bool reached = !last_;
    segments_ = open_segments(dir_, stream_, [&](Segment& segment, bool first) {
        if (first) counted_ = 0;
        segment.read_until(query.given_up);
        const bool is_last = !reached && segment.is_same_part(*last_);
        reached = reached || is_last;
        const std::uint64_t end = is_last ? *last_end_ : segment.end();
        const bool found = reached && find_start_in(segment, query.lines, end);
        return found || (query.given_up && query.given_up());
    });
    if (!reached && !(query.given_up && query.given_up())) {
        // Retention has removed all that there was.
        last_.reset();
        last_end_.reset();
        find_start(query);
        return end_at_present();
    }
    if (skip_first_ && segments_.size() > 1 && !is_at_last()) {
        segments_.pop_front();
        offset_ = 0;
    }
}

void StreamCursor::go_to(const std::optional<Position>& position) {
    bool found = false;
    segments_ = open_segments(dir_, stream_, [&](Segment& segment, bool) {
        found = position && segment.is_part(*position);
        return found;
    });
    if (found) offset_ = position->offset;
}

std::optional<Position> StreamCursor::position() const {
    if (segments_.empty()) return std::nullopt;
    return segments_.front().position(offset_ - (buffer_.size() - start_));
}

// Sets offset_ for the case that this segment becomes the first; true if it does.
bool StreamCursor::find_start_in(Segment& segment, std::optional<std::uint64_t> lines,
                                 std::uint64_t end) {
    std::uint64_t from = 0;
    skip_first_ = false;
    if (since_) {
        const auto begin = segment.index().first_since(*since_);
        // A file's time comes from a coarser clock and may lie before that of its first line.
        skip_first_ = !begin || segment.modified() + index_step < *since_;
        from = skip_first_ ? end : *begin;
    }
    offset_ = from;
    if (lines && !skip_first_) {
        const Segment::Tail tail = segment.find_tail(from, *lines - counted_, end);
        counted_ += tail.lines;
        offset_ = tail.offset;
        if (counted_ >= *lines) return true;
    }
    return from > 0 || skip_first_;
}

bool StreamCursor::fill() {
    if (length_ > 0) return true;
    for (;;) {
        if (find_line()) {
            if (inside_line_) return true;
            keep_time();
            if (!is_too_old()) return true;
            static_cast<void>(take());
            continue;
        }
        if (load()) continue;
        if (advance()) {
            if (length_ == 0) continue;
            if (!inside_line_) keep_time();
            return true;
        }
        // The end, at present. Perhaps a line without newline waits there.
        if (only_complete_ || start_ == buffer_.size()) return false;
        length_ = buffer_.size() - start_;
        if (!inside_line_) keep_time();
        return true;
    }
}

void StreamCursor::end_at_present() {
    if (segments_.empty()) open_first();
    auto newest = open_segments(dir_, stream_, [](Segment&, bool) { return true; });
    if (!newest.empty()) last_ = std::move(newest.back());
    const Segment* last = last_ ? &*last_ : segments_.empty() ? nullptr : &segments_.back();
    last_end_ = last != nullptr ? last->end() : 0;
}

bool StreamCursor::is_at_last() {
    if (!last_end_) return false;
    if (segments_.empty()) return true;
    return last_ ? segments_.front().is_same_part(*last_) : segments_.size() == 1;
}

bool StreamCursor::find_line() {
    const auto newline = buffer_.find('\n', start_ + searched_);
    if (newline != std::string::npos) {
        length_ = newline + 1 - start_;
    } else {
        searched_ = buffer_.size() - start_;
        length_ = searched_ >= max_line_bytes ? searched_ : 0;
    }
    length_ = std::min(length_, max_line_bytes);
    return length_ > 0;
}

std::string StreamCursor::take() {
    inside_line_ = !ends_line();
    std::string text = buffer_.substr(start_, length_);
    start_ += length_;
    length_ = searched_ = 0;
    if (start_ == buffer_.size()) {
        buffer_.clear();
        start_ = 0;
    }
    return text;
}

bool StreamCursor::load() {
    if (segments_.empty()) return false;
    std::uint64_t room = cursor_block_bytes;
    if (is_at_last()) {
        room = std::min(room, *last_end_ - std::min(*last_end_, offset_));
        if (room == 0) return false;
    }
    buffer_.erase(0, std::exchange(start_, 0));
    const std::size_t before = buffer_.size();
    buffer_.resize(before + static_cast<std::size_t>(room));
    const std::size_t got = segments_.front().read_at(offset_, std::span(buffer_).subspan(before));
    buffer_.resize(before + got);
    offset_ += got;
    if (got > 0) ++loads_;
    if (got > 0 && want_times_) segments_.front().find_index();
    return got > 0;
}

// At the end of the first segment: takes what is left of it, then goes on with what came after it.
bool StreamCursor::advance() {
    if (is_at_last()) return false;
    if (segments_.empty()) {
        open_first();
        return !segments_.empty();
    }
    const Segment& segment = segments_.front();
    if (!segment.is_packed() && segment.size() < offset_) {
        // Somebody emptied the file.
        offset_ = 0;
        buffer_.clear();
        start_ = searched_ = 0;
        return true;
    }
    if (segments_.size() == 1) {
        if (!open_successors()) return false;
        // The file may have grown between the last look at it and its rotation.
        if (load()) return true;
    }
    // A line that is longer than its file goes on in the next one.
    if (start_ < buffer_.size()) {
        length_ = buffer_.size() - start_;
        return true;
    }
    segments_.pop_front();
    offset_ = 0;
    return true;
}

void StreamCursor::open_first() {
    segments_ = open_segments(dir_, stream_, [](Segment&, bool) { return false; });
    offset_ = 0;
}

bool StreamCursor::open_successors() {
    Segment& last = segments_.back();
    const auto active = Segment::open(dir_, stream_, {});
    if (active && active->id() == last.id()) return false;
    bool reached = false;
    auto newer = open_segments(dir_, stream_, [&](Segment& segment, bool) {
        reached = segment.is_same_part(last);
        return reached;
    });
    // Not reached: retention has removed it, and all that is left should have come later.
    if (reached) newer.pop_front();
    while (!newer.empty() && newer.front().modified() < last.modified()) newer.pop_front();
    if (newer.empty()) return false;
    for (Segment& segment : newer) segments_.push_back(std::move(segment));
    return true;
}

void StreamCursor::keep_time() {
    if (!want_times_) return;
    const std::string_view line(buffer_.data() + start_, length_);
    if (const auto stamped = stamped_ ? leading_timestamp(line) : std::nullopt) {
        time_ = *stamped;
    } else if (const std::size_t ahead = buffer_.size() - start_;
               !segments_.empty() && ahead <= offset_) {
        const std::uint64_t at = offset_ - ahead;
        if (const auto known = segments_.front().index().time_at(at)) time_ = *known;
    }
}

// Only a line's own timestamp is exact enough to leave it out.
bool StreamCursor::is_too_old() const {
    if (!since_ || !stamped_) return false;
    const auto stamped = leading_timestamp(std::string_view(buffer_.data() + start_, length_));
    return stamped && *stamped < *since_;
}

}  // namespace syspulse::logs
