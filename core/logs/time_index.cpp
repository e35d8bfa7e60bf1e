#include "logs/time_index.hpp"

#include <cstring>

namespace syspulse::logs {
namespace {

constexpr std::uint64_t record_bytes = 16;

}  // namespace

Result<void> append_time(const std::filesystem::path& index, WallTime when, std::uint64_t offset) {
    auto file = offset == 0 ? platform::OutputFile::create(index)
                            : platform::OutputFile::open_for_writing(index);
    if (!file) return file.error();
    const auto state = file->state();
    if (!state) return state.error();
    const std::int64_t fields[2] = {to_unix_ms(when), static_cast<std::int64_t>(offset)};
    char bytes[record_bytes];
    std::memcpy(bytes, fields, record_bytes);
    return file->write_at(state->size / record_bytes * record_bytes, bytes);
}

TimeIndex::TimeIndex(const std::filesystem::path& index) {
    auto file = platform::OutputFile::open_for_reading(index);
    if (!file) return;
    file_ = *std::move(file);
    if (const auto state = file_.state()) id_ = state->id;
}

std::uint64_t TimeIndex::count() {
    if (!file_) return 0;
    const auto state = file_.state();
    return state ? state->size / record_bytes : 0;
}

std::optional<TimeIndex::Record> TimeIndex::at(std::uint64_t number) {
    char bytes[record_bytes];
    const auto got = file_.read_at(number * record_bytes, bytes);
    if (!got || *got < record_bytes) return std::nullopt;
    Record record;
    std::memcpy(&record.ms, bytes, 8);
    std::memcpy(&record.offset, bytes + 8, 8);
    return record;
}

std::optional<std::uint64_t> TimeIndex::first_since(WallTime since) {
    const std::uint64_t total = count();
    if (total == 0) return 0;
    const std::int64_t earliest = to_unix_ms(since) - index_step.count();
    std::uint64_t low = 0;
    std::uint64_t high = total;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto record = at(middle);
        if (record && record->ms <= earliest) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == total) return std::nullopt;
    const auto record = at(low);
    return record && record->offset > 0 ? static_cast<std::uint64_t>(record->offset) : 0;
}

std::optional<WallTime> TimeIndex::time_at(std::uint64_t offset) {
    if (offset >= known_from_ && offset < known_until_) return known_;
    const std::uint64_t total = count();
    std::uint64_t low = 0;
    std::uint64_t high = total;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto record = at(middle);
        if (record && static_cast<std::uint64_t>(record->offset) <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) return std::nullopt;
    const auto record = at(low - 1);
    if (!record) return std::nullopt;
    known_ = from_unix_ms(record->ms);
    known_from_ = static_cast<std::uint64_t>(record->offset);
    // Without a next record the range stays open to a record that is still to be written.
    const auto next = low < total ? at(low) : std::nullopt;
    known_until_ = next ? static_cast<std::uint64_t>(next->offset) : offset + 1;
    return known_;
}

}  // namespace syspulse::logs
