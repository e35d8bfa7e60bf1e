// platform::OutputFile on descriptors. Not O_APPEND: splice(2) refuses such files; the capture is
// the only writer and knows the end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/linux_output_error.hpp"
#include "platform/output_file.hpp"

namespace syspulse::platform {
namespace {

constexpr mode_t log_file_mode = 0640;

WallTime wall_time(const timespec& t) {
    return from_unix_ms(static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000);
}

}  // namespace

std::error_code move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code failed;
    std::filesystem::rename(from, to, failed);
    return failed;
}

std::string file_trouble(const std::error_code& why) {
    return why.message();
}

Result<OutputFile> OutputFile::open(const std::filesystem::path& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, log_file_mode);
    if (fd < 0) return output_error("cannot open " + path.string(), errno);
    return OutputFile(fd);
}

Result<OutputFile> OutputFile::open_for_writing(const std::filesystem::path& path) {
    return open(path, O_RDWR | O_CREAT);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
    return open(path, O_RDWR | O_CREAT | O_TRUNC);
}

Result<OutputFile> OutputFile::open_for_reading(const std::filesystem::path& path) {
    return open(path, O_RDONLY);
}

void OutputFile::close() noexcept {
    if (handle_ != no_handle) ::close(fd_of(handle_));
    handle_ = no_handle;
}

Result<FileState> OutputFile::state() const {
    struct stat st = {};
    if (::fstat(fd_of(handle_), &st) != 0) return output_error("cannot look at a log file", errno);
    return FileState{.id = {st.st_dev, st.st_ino},
                     .size = static_cast<std::uint64_t>(st.st_size),
                     .modified = wall_time(st.st_mtim),
                     .unlinked = st.st_nlink == 0};
}

Result<void> OutputFile::write_at(std::uint64_t offset, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const ssize_t n =
            ::pwrite(fd_of(handle_), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return output_error("cannot write to a log file", n == 0 ? ENOSPC : errno);
        offset += static_cast<std::uint64_t>(n);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Result<std::size_t> OutputFile::read_at(std::uint64_t offset, std::span<char> bytes) const {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::pread(fd_of(handle_), bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return output_error("cannot read a log file", errno);
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<void> OutputFile::truncate(std::uint64_t size) {
    if (::ftruncate(fd_of(handle_), static_cast<off_t>(size)) == 0) return {};
    return output_error("cannot truncate a log file", errno);
}

void OutputFile::touch() noexcept {
    // The change of mtime alone is what inotify reports as IN_MODIFY.
    const timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
    static_cast<void>(::futimens(fd_of(handle_), times));
}

Result<void> OutputFile::sync() {
    if (::fdatasync(fd_of(handle_)) == 0) return {};
    return output_error("cannot write a log file to the disk", errno);
}

void OutputFile::set_modified(WallTime when) noexcept {
    const std::int64_t ms = to_unix_ms(when);
    const timespec times[2] = {{0, UTIME_OMIT},
                               {static_cast<time_t>(ms / 1000), (ms % 1000) * 1'000'000}};
    static_cast<void>(::futimens(fd_of(handle_), times));
}

}  // namespace syspulse::platform
