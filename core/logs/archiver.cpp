#include "logs/archiver.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "base/log.hpp"
#include "logs/gzip.hpp"
#include "platform/output_file.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

// "stdout.log.12.gz" -> {12, true}; number 0 for any other name.
Archive parse_name(std::string_view name, std::string_view prefix) {
    Archive archive;
    if (!name.starts_with(prefix)) return archive;
    name.remove_prefix(prefix.size());
    if (name.ends_with(".gz")) {
        archive.compressed = true;
        name.remove_suffix(3);
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) archive.number = number;
    return archive;
}

fs::path archive_path(const fs::path& dir, Stream stream, const Archive& archive) {
    return archive.compressed ? compressed_path(dir, stream, archive.number)
                              : log_path(dir, stream, archive.number);
}

void remove_archive(const fs::path& dir, Stream stream, const Archive& archive) {
    std::error_code ignored;
    fs::remove(archive_path(dir, stream, archive), ignored);
    fs::remove(index_path(dir, stream, archive.number), ignored);
}

// The index moves first: one without its log is harmless, a log with another's index misleads.
std::error_code move_part(const fs::path& dir, Stream stream, const Archive& from,
                          std::uint32_t to) {
    const fs::path index = index_path(dir, stream, from.number);
    const fs::path index_there = index_path(dir, stream, to);
    const std::error_code kept = platform::move_file(index, index_there);
    const std::error_code failed = platform::move_file(
        archive_path(dir, stream, from),
        archive_path(dir, stream, {.number = to, .compressed = from.compressed}));
    if (failed && !kept) static_cast<void>(platform::move_file(index_there, index));
    return failed;
}

std::error_code remove_log(const fs::path& dir, Stream stream) {
    std::error_code failed;
    fs::remove(log_path(dir, stream), failed);
    if (failed) return failed;
    std::error_code ignored;
    fs::remove(index_path(dir, stream), ignored);
    return failed;
}

// What has to go before the log can become number 1, the highest first: what is retained no longer,
// and all before the first number that is free. A rotation that failed leaves such a gap, and one
// that is tried again and again moves no archive on for it.
std::vector<Archive> archives_in_the_way(const fs::path& dir, Stream stream,
                                         std::uint32_t retain_count) {
    std::vector<Archive> found;
    std::uint32_t next = 1;
    for (const Archive& archive : list_archives(dir, stream)) {
        const bool is_next = archive.number == next;
        if (is_next) ++next;
        if (is_next || archive.number > retain_count) found.push_back(archive);
    }
    std::reverse(found.begin(), found.end());
    return found;
}

fs::path packing_path(const fs::path& dir, Stream stream) {
    return dir / ("." + std::string(stream_name(stream)) + ".gz.tmp");
}

}  // namespace

std::vector<Archive> list_archives(const fs::path& dir, Stream stream) {
    const std::string prefix = std::string(stream_name(stream)) + ".log.";
    std::vector<Archive> archives;
    std::error_code failed;
    for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed)) {
        const Archive archive = parse_name(it->path().filename().string(), prefix);
        if (archive.number != 0) archives.push_back(archive);
    }
    std::sort(archives.begin(), archives.end(), [](const Archive& a, const Archive& b) {
        return a.number != b.number ? a.number < b.number : a.compressed < b.compressed;
    });
    const auto same = [](const Archive& a, const Archive& b) { return a.number == b.number; };
    archives.erase(std::unique(archives.begin(), archives.end(), same), archives.end());
    return archives;
}

Archiver::Archiver() : thread_([this] { work(); }) {}

Archiver::~Archiver() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

Result<void> Archiver::rotate(const fs::path& dir, Stream stream, std::uint32_t retain_count) {
    const std::lock_guard lock(names_);
    std::error_code failed;
    for (const Archive& archive : archives_in_the_way(dir, stream, retain_count)) {
        if (archive.number >= retain_count) {
            remove_archive(dir, stream, archive);
        } else if (failed = move_part(dir, stream, archive, archive.number + 1); failed) {
            break;
        }
    }
    if (!failed && retain_count > 0) failed = move_part(dir, stream, {}, 1);
    if (!failed && retain_count == 0) failed = remove_log(dir, stream);
    if (!failed) return {};
    return Error{ErrorCode::internal, "cannot rotate " + log_path(dir, stream).string() + ": " +
                                          platform::file_trouble(failed)};
}

bool Archiver::drop_oldest(const fs::path& dir, Stream stream) {
    const std::lock_guard lock(names_);
    const auto archives = list_archives(dir, stream);
    if (archives.empty()) return false;
    remove_archive(dir, stream, archives.back());
    return true;
}

void Archiver::tidy(const fs::path& dir, Stream stream, std::uint32_t retain_count) {
    const std::lock_guard lock(names_);
    std::error_code ignored;
    for (const Archive& archive : list_archives(dir, stream)) {
        // The compressed twin of an archive may be incomplete after a power failure.
        if (!archive.compressed) fs::remove(compressed_path(dir, stream, archive.number), ignored);
        if (archive.number > retain_count) remove_archive(dir, stream, archive);
    }
}

void Archiver::compress(const fs::path& dir, Stream stream) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.emplace(dir, stream);
    }
    changed_.notify_one();
}

void Archiver::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (stopping_) return;
        const Job job = std::move(jobs_.extract(jobs_.begin()).value());
        lock.unlock();
        while (!stopping_ && compress_one(job)) {
        }
        lock.lock();
    }
}

// Newest first: under a flood it is the oldest that retention removes before their turn. False when
// nothing is left to do, or when it failed; the next rotation tries again.
bool Archiver::compress_one(const Job& job) {
    const auto& [dir, stream] = job;
    const fs::path packed = packing_path(dir, stream);
    platform::OutputFile source;
    {
        const std::lock_guard lock(names_);
        const auto archives = list_archives(dir, stream);
        const auto plain = std::find_if(archives.begin(), archives.end(),
                                        [](const Archive& a) { return !a.compressed; });
        if (plain == archives.end()) return false;
        auto opened = platform::OutputFile::open_for_reading(archive_path(dir, stream, *plain));
        if (!opened) return false;
        source = *std::move(opened);
    }
    std::error_code ignored;
    const auto state = source.state();
    if (!state) return false;
    if (auto done = gzip(source, packed, stopping_); !done) {
        fs::remove(packed, ignored);
        if (!stopping_) log::warn(done.error().message);
        return false;
    }
    auto file = platform::OutputFile::open_for_writing(packed);
    if (file) file->set_modified(state->modified);
    // It takes the place of a file that has been on the disk for long. The renaming and the removal
    // are changes of one directory, whose order file systems keep.
    if (auto safe = file ? file->sync() : Result<void>(file.error()); !safe) {
        fs::remove(packed, ignored);
        log::warn(safe.error().message);
        return false;
    }
    return put_in_place(job, packed, state->id);
}

// By now the source may have another number, or none.
bool Archiver::put_in_place(const Job& job, const fs::path& packed,
                            const platform::FileId& source) {
    const auto& [dir, stream] = job;
    const std::lock_guard lock(names_);
    std::error_code failed;
    for (const Archive& archive : list_archives(dir, stream)) {
        if (archive.compressed) continue;
        const fs::path plain = archive_path(dir, stream, archive);
        const auto candidate = platform::OutputFile::open_for_reading(plain);
        const auto found = candidate ? candidate->state() : Result<platform::FileState>(Error{});
        if (!found || found->id != source) continue;
        failed = platform::move_file(packed, compressed_path(dir, stream, archive.number));
        if (!failed) fs::remove(plain, failed);
        return !failed;
    }
    fs::remove(packed, failed);
    return true;
}

}  // namespace syspulse::logs
