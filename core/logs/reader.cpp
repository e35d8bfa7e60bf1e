#include "logs/reader.hpp"

#include <algorithm>
#include <utility>

#include "logs/stream_cursor.hpp"

namespace syspulse::logs {

Reader::Reader() noexcept = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const std::filesystem::path& logs_dir, const std::string& daemon,
                            const Query& query) {
    if (!query.out && !query.err) {
        return Error{ErrorCode::invalid_argument, "cannot read logs: no stream chosen"};
    }
    const auto is_given_up = [&query] { return query.given_up && query.given_up(); };
    Reader reader;
    reader.directory_ = logs_dir / daemon;
    std::uint64_t counted = 0;
    for (const Stream stream : {Stream::out, Stream::err}) {
        if (!(stream == Stream::out ? query.out : query.err) || is_given_up()) continue;
        reader.cursors_.push_back(std::make_unique<StreamCursor>(reader.directory_, stream, query));
        counted += reader.cursors_.back()->counted();
    }
    for (const auto& cursor : reader.cursors_) {
        if (reader.cursors_.size() > 1) cursor->want_times();
    }
    // Lines that are one stream's last ones, but not both streams'.
    if (query.lines && counted > *query.lines) reader.skip(counted - *query.lines);
    if (is_given_up()) return Error{ErrorCode::cancelled, "cannot read logs: given up"};
    return reader;
}

void Reader::skip(std::uint64_t lines) {
    Line line;
    while (lines > 0 && next(line)) --lines;
}

// What has been loaded of a stream is older than whatever comes to one that was at its end since.
StreamCursor* Reader::earliest() {
    std::uint64_t loads = 0;
    for (const auto& cursor : cursors_) loads += cursor->loads();
    if (std::exchange(loads_, loads) != loads) ended_.clear();
    StreamCursor* found = earliest_of_open();
    if (found == nullptr && !ended_.empty()) {
        ended_.clear();
        found = earliest_of_open();
    }
    return found;
}

// Lines of one stream stay in their order, whatever their times say.
StreamCursor* Reader::earliest_of_open() {
    StreamCursor* found = nullptr;
    for (const auto& cursor : cursors_) {
        if (std::ranges::find(ended_, cursor.get()) != ended_.end()) continue;
        if (!cursor->fill()) {
            ended_.push_back(cursor.get());
        } else if (found == nullptr || cursor->time() < found->time()) {
            found = cursor.get();
        }
    }
    return found;
}

bool Reader::next(Line& line) {
    StreamCursor* cursor = unfinished_ != nullptr && unfinished_->fill() ? unfinished_ : earliest();
    if (cursor == nullptr) return false;
    unfinished_ = cursor->ends_line() ? nullptr : cursor;
    line.stream = cursor->stream();
    line.text = cursor->take();
    return true;
}

void Reader::end_at_present() {
    for (const auto& cursor : cursors_) cursor->end_at_present();
}

void Reader::only_complete_lines() {
    for (const auto& cursor : cursors_) cursor->only_complete_lines();
}

Mark Reader::mark() const {
    Mark mark;
    for (const auto& cursor : cursors_)
        (cursor->stream() == Stream::out ? mark.out : mark.err) = cursor->position();
    return mark;
}

std::vector<Stream> Reader::streams() const {
    std::vector<Stream> streams;
    for (const auto& cursor : cursors_) streams.push_back(cursor->stream());
    return streams;
}

Result<std::vector<Line>> read_tail(const std::filesystem::path& logs_dir,
                                    const std::string& daemon, const Query& query) {
    Query whole = query;
    whole.ends_at_present = true;
    auto reader = Reader::open(logs_dir, daemon, whole);
    if (!reader) return reader.error();
    std::vector<Line> lines;
    for (Line line; reader->next(line);) lines.push_back(std::move(line));
    return lines;
}

}  // namespace syspulse::logs
