#include "logs/segment.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "logs/line_pieces.hpp"

namespace syspulse::logs {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
// What is compared to recognise a part; lines of a log differ much earlier.
constexpr std::size_t compared_bytes = 4096;
// A rotation leaves one number free at a time, and several may run while parts are opened.
constexpr int free_numbers_in_a_row = 4;
// A stream may have thousands of parts, of which each takes two descriptors and, packed, 200 KiB.
constexpr std::size_t most_open_parts = 32;

// Rotation moves the index before the log. In between the next number is free, but for that index.
TimeIndex index_of(const std::filesystem::path& dir, Stream stream, std::uint32_t number) {
    TimeIndex index(index_path(dir, stream, number));
    if (index.id()) return index;
    std::error_code ignored;
    const bool next_is_free =
        !std::filesystem::exists(log_path(dir, stream, number + 1), ignored) &&
        !std::filesystem::exists(compressed_path(dir, stream, number + 1), ignored);
    return next_is_free ? TimeIndex(index_path(dir, stream, number + 1)) : TimeIndex();
}

}  // namespace

Result<Segment> Segment::open(const std::filesystem::path& dir, Stream stream,
                              const Archive& archive) {
    const auto path = archive.compressed ? compressed_path(dir, stream, archive.number)
                                         : log_path(dir, stream, archive.number);
    for (;;) {
        auto file = platform::OutputFile::open_for_reading(path);
        if (!file) return file.error();
        const auto state = file->state();
        if (!state) return state.error();
        Segment segment;
        segment.opened_as_ = *state;
        segment.index_ = index_of(dir, stream, archive.number);
        // The index belongs to the log if that is still there. Each further round means another
        // rotation.
        const auto still = platform::OutputFile::open_for_reading(path);
        const auto now = still ? still->state() : Result<platform::FileState>(still.error());
        if (!now || now->id != state->id) continue;
        if (archive.number == 0) {
            segment.active_path_ = path;
            segment.active_index_path_ = index_path(dir, stream);
        }
        if (!archive.compressed) {
            segment.file_ = *std::move(file);
            return segment;
        }
        auto packed = GzipReader::open(*std::move(file));
        if (!packed) return packed.error();
        segment.packed_ = *std::move(packed);
        return segment;
    }
}

std::uint64_t Segment::size() const {
    const auto state = file_.state();
    return state ? state->size : 0;
}

std::uint64_t Segment::end() const {
    return packed_ ? std::numeric_limits<std::uint64_t>::max() : size();
}

WallTime Segment::modified() const {
    if (packed_) return opened_as_.modified;
    const auto state = file_.state();
    return state ? state->modified : opened_as_.modified;
}

// Packing makes a new file but keeps the index and the time of the last change. Without indexes the
// time does not suffice: the system's clock for files is coarse, so parts that follow each other
// quickly share it.
bool Segment::is_same_part(Segment& other) {
    if (id() == other.id()) return true;
    if (is_packed() == other.is_packed()) return false;
    const auto mine = index_.id();
    const auto theirs = other.index_.id();
    if (mine && theirs) return *mine == *theirs;
    return modified() == other.modified() && beginning() == other.beginning();
}

// A number of a file that is gone may be another file's by now, so both must fit where both are
// known.
bool Segment::is_part(const Position& position) const {
    const auto mine = index_.id();
    const bool same_index = mine && position.index && *mine == *position.index;
    if (id() == position.log) return same_index || !mine || !position.index;
    return same_index && is_packed();
}

std::string Segment::beginning() {
    std::string text(compared_bytes, '\0');
    text.resize(read_at(0, text));
    return text;
}

void Segment::find_index() {
    if (index_.id() || active_path_.empty()) return;
    TimeIndex index(active_index_path_);
    // Rotation moves the index before the log: if the log is still here, the index was its own.
    const auto file = platform::OutputFile::open_for_reading(active_path_);
    const auto state = file ? file->state() : Result<platform::FileState>(Error{});
    if (state && state->id == id()) index_ = std::move(index);
}

std::size_t Segment::read_at(std::uint64_t offset, std::span<char> bytes) {
    if (given_up_ && given_up_()) return 0;
    if (packed_) return read_packed(offset, bytes);
    const auto got = file_.read_at(offset, bytes);
    return got ? *got : 0;
}

std::size_t Segment::read_packed(std::uint64_t offset, std::span<char> bytes) {
    if (offset < position_ && position_ - offset <= recent_.size()) {
        const std::size_t known =
            recent_.copy(bytes.data(), bytes.size(), recent_.size() - (position_ - offset));
        if (known == bytes.size()) return known;
        return known + read_packed(offset + known, bytes.subspan(known));
    }
    if (offset < position_) {
        packed_->rewind();
        position_ = 0;
    }
    while (position_ < offset) {
        if (given_up_ && given_up_()) return 0;
        const auto step =
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), offset - position_));
        const std::size_t got = packed_->read(bytes.first(step));
        if (got == 0) return 0;
        position_ += got;
    }
    const std::size_t got = packed_->read(bytes);
    position_ += got;
    recent_.assign(bytes.data(), got);
    return got;
}

Segment::Tail Segment::find_tail(std::uint64_t from, std::uint64_t wanted, std::uint64_t end) {
    if (!packed_) return find_tail_backwards(from, wanted, std::min(end, size()));
    const std::uint64_t total = count_lines(from, end);
    if (total <= wanted) return {from, total};
    return {skip_lines(from, total - wanted), wanted};
}

// Reads no more than the lines wanted, whatever the size of the file.
Segment::Tail Segment::find_tail_backwards(std::uint64_t from, std::uint64_t wanted,
                                           std::uint64_t end) {
    std::vector<char> block(block_bytes);
    const std::uint64_t whole = end;
    std::uint64_t lines = 0;
    std::uint64_t end_of_piece = end;
    bool at_end = true;
    while (end > from) {
        const std::uint64_t begin = end - std::min<std::uint64_t>(end - from, block_bytes);
        const std::size_t got =
            read_at(begin, std::span(block).first(static_cast<std::size_t>(end - begin)));
        for (std::size_t i = got; i > 0; --i) {
            // What follows the last newline is a line, too, if it is not empty.
            const std::uint64_t at = begin + i;
            const bool ends_line = block[i - 1] == '\n';
            if (std::exchange(at_end, false)) {
                ++lines;
                if (wanted == 0) return {whole, 0};
            } else if (ends_line || end_of_piece - at == max_line_bytes) {
                if (lines == wanted) return {at, lines};
                ++lines;
                end_of_piece = at;
            }
        }
        end = begin;
    }
    return {from, lines};
}

std::uint64_t Segment::count_lines(std::uint64_t from, std::uint64_t end) {
    std::vector<char> block(block_bytes);
    std::uint64_t lines = 0;
    LinePieces pieces;
    while (from < end) {
        const std::uint64_t room = std::min<std::uint64_t>(block.size(), end - from);
        const std::size_t got =
            read_at(from, std::span(block).first(static_cast<std::size_t>(room)));
        if (got == 0) break;
        std::string_view text(block.data(), got);
        while (pieces.take(text)) ++lines;
        from += got;
    }
    return pieces.is_open() ? lines + 1 : lines;
}

std::uint64_t Segment::skip_lines(std::uint64_t from, std::uint64_t count) {
    std::vector<char> block(block_bytes);
    LinePieces pieces;
    while (count > 0) {
        const std::size_t got = read_at(from, block);
        if (got == 0) break;
        std::string_view text(block.data(), got);
        while (count > 0 && pieces.take(text)) --count;
        from += count > 0 ? got : got - text.size();
    }
    return from;
}

namespace {

// The number's part in whichever form it has now; packing may come in between.
Result<Segment> open_part(const std::filesystem::path& dir, Stream stream, std::uint32_t number) {
    auto segment = Segment::open(dir, stream, {.number = number});
    if (segment || number == 0) return segment;
    return Segment::open(dir, stream, {.number = number, .compressed = true});
}

// Zero if no archive has a higher number. Renaming can hide a file from a look at the directory, so
// this only serves to jump over large gaps.
std::uint32_t next_number(const std::filesystem::path& dir, Stream stream, std::uint32_t number) {
    for (const Archive& archive : list_archives(dir, stream)) {
        if (archive.number > number) return archive.number;
    }
    return 0;
}

// Whether no rotation has come since the newest part was opened.
bool is_newest(const std::filesystem::path& dir, Stream stream, const Segment& segment) {
    const auto file = platform::OutputFile::open_for_reading(log_path(dir, stream));
    const auto state = file ? file->state() : Result<platform::FileState>(file.error());
    return state && state->id == segment.id();
}

bool is_among(Segment& segment, std::deque<Segment>& parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](Segment& other) { return segment.is_same_part(other); });
}

// What a walk has met. Rotation only makes numbers higher, and so does the walk: a part may be met
// twice, but none is passed over. Parts that are newer than the first can come in below it; they
// are left out.
struct Walk {
    const Enough& enough;
    std::deque<Segment> found;  // The oldest first; without those in the gap before the newest.
    std::deque<Segment>
        unsure;  // Met since the last rotation, perhaps newer than all found; the newest first.
    bool done = false;
    bool gap = false;

    void accept() {
        for (Segment& segment : unsure) {
            done = done || enough(segment, found.empty());
            found.push_front(std::move(segment));
            if (found.size() > most_open_parts) {
                found.erase(found.end() - 2);
                gap = true;
            }
            if (done) break;
        }
        unsure.clear();
    }

    void meet(Segment segment) {
        if (is_among(segment, found)) {
            unsure.clear();
        } else if (!is_among(segment, unsure)) {
            unsure.push_back(std::move(segment));
        }
    }

    // No known part came after them, so they are older; unless retention has removed what was
    // known.
    void end() {
        std::erase_if(unsure, [this](const Segment& segment) {
            return !found.empty() && segment.modified() > found.back().modified();
        });
        accept();
    }
};

}  // namespace

std::deque<Segment> open_segments(const std::filesystem::path& dir, Stream stream,
                                  const Enough& enough) {
    Walk walk{.enough = enough, .found = {}, .unsure = {}};
    std::uint32_t number = 0;
    int free_numbers = 0;
    do {
        auto segment = open_part(dir, stream, number);
        if (!segment && ++free_numbers >= free_numbers_in_a_row) {
            number = next_number(dir, stream, number);
            continue;
        }
        ++number;
        if (!segment) continue;
        free_numbers = 0;
        walk.meet(*std::move(segment));
        if (walk.found.empty() || is_newest(dir, stream, walk.found.back())) walk.accept();
    } while (number != 0 && !walk.done);
    if (!walk.done) walk.end();
    if (walk.gap) walk.found.pop_back();
    return std::move(walk.found);
}

}  // namespace syspulse::logs
