// platform::OutputFile on handles that others may read, rename and delete meanwhile: rotation
// renames files that readers have open.
#include <algorithm>
#include <limits>

#include "platform/output_file.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

constexpr std::int64_t file_ticks_before_1970 = 116'444'736'000'000'000;
constexpr std::int64_t file_ticks_per_ms = 10'000;
constexpr std::size_t most_at_once = 1U << 30U;

std::uint64_t joined(DWORD high, DWORD low) {
    return (std::uint64_t{high} << 32U) | low;
}

// Where in the file a synchronous call reads or writes.
OVERLAPPED position(std::uint64_t offset) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset & std::numeric_limits<DWORD>::max());
    place.OffsetHigh = static_cast<DWORD>(offset >> 32U);
    return place;
}

// The creation disposition is the "flags" of this system.
Result<HANDLE> open_file(const std::filesystem::path& path, DWORD access, int disposition) {
    const HANDLE file = ::CreateFileW(
        long_path(path).c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        nullptr, static_cast<DWORD>(disposition), FILE_ATTRIBUTE_NORMAL, nullptr);
    const DWORD number = ::GetLastError();
    if (file == INVALID_HANDLE_VALUE) return os_error("cannot open " + path.string(), number);
    return file;
}

}  // namespace

// The library's own rename keeps to itself why it failed, and takes no long path.
std::error_code move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
    const auto moved =
        ::MoveFileExW(long_path(from).c_str(), long_path(to).c_str(), MOVEFILE_REPLACE_EXISTING);
    if (moved != 0) return {};
    return {static_cast<int>(::GetLastError()), std::system_category()};
}

std::string file_trouble(const std::error_code& why) {
    const bool in_use =
        why.category() == std::system_category() &&
        (why.value() == ERROR_SHARING_VIOLATION || why.value() == ERROR_LOCK_VIOLATION);
    return in_use ? "it is in use by another program" : why.message();
}

Result<OutputFile> OutputFile::open(const std::filesystem::path& path, int flags) {
    auto file = open_file(
        path, flags == OPEN_EXISTING ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE, flags);
    if (!file) return file.error();
    return OutputFile(native_of(*file));
}

Result<OutputFile> OutputFile::open_for_writing(const std::filesystem::path& path) {
    return open(path, OPEN_ALWAYS);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
    return open(path, CREATE_ALWAYS);
}

Result<OutputFile> OutputFile::open_for_reading(const std::filesystem::path& path) {
    return open(path, OPEN_EXISTING);
}

void OutputFile::close() noexcept {
    if (handle_ != no_handle) ::CloseHandle(handle_of(handle_));
    handle_ = no_handle;
}

Result<FileState> OutputFile::state() const {
    BY_HANDLE_FILE_INFORMATION info{};
    FILE_STANDARD_INFO standard{};
    if (::GetFileInformationByHandle(handle_of(handle_), &info) == 0)
        return os_error("cannot look at a log file");
    const bool known = ::GetFileInformationByHandleEx(handle_of(handle_), FileStandardInfo,
                                                      &standard, sizeof standard) != 0;
    const auto ticks = static_cast<std::int64_t>(
        joined(info.ftLastWriteTime.dwHighDateTime, info.ftLastWriteTime.dwLowDateTime));
    return FileState{
        .id = {info.dwVolumeSerialNumber, joined(info.nFileIndexHigh, info.nFileIndexLow)},
        .size = joined(info.nFileSizeHigh, info.nFileSizeLow),
        .modified = from_unix_ms((ticks - file_ticks_before_1970) / file_ticks_per_ms),
        .unlinked = info.nNumberOfLinks == 0 || (known && standard.DeletePending != FALSE)};
}

Result<void> OutputFile::write_at(std::uint64_t offset, std::span<const char> bytes) {
    while (!bytes.empty()) {
        OVERLAPPED place = position(offset);
        DWORD written = 0;
        const auto size = static_cast<DWORD>(std::min(bytes.size(), most_at_once));
        if (::WriteFile(handle_of(handle_), bytes.data(), size, &written, &place) == 0)
            return os_error("cannot write to a log file");
        if (written == 0) return os_error("cannot write to a log file", ERROR_DISK_FULL);
        offset += written;
        bytes = bytes.subspan(written);
    }
    return {};
}

Result<std::size_t> OutputFile::read_at(std::uint64_t offset, std::span<char> bytes) const {
    std::size_t done = 0;
    while (done < bytes.size()) {
        OVERLAPPED place = position(offset + done);
        DWORD got = 0;
        const auto size = static_cast<DWORD>(std::min(bytes.size() - done, most_at_once));
        if (::ReadFile(handle_of(handle_), bytes.data() + done, size, &got, &place) == 0) {
            const DWORD number = ::GetLastError();
            if (number == ERROR_HANDLE_EOF) break;
            return os_error("cannot read a log file", number);
        }
        if (got == 0) break;
        done += got;
    }
    return done;
}

Result<void> OutputFile::truncate(std::uint64_t size) {
    FILE_END_OF_FILE_INFO end{};
    end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
    if (::SetFileInformationByHandle(handle_of(handle_), FileEndOfFileInfo, &end, sizeof end) == 0)
        return os_error("cannot shorten a log file");
    return {};
}

// The size of an open file is told to watchers of its directory late, its time of change at once.
void OutputFile::touch() noexcept {
    FILETIME now{};
    ::GetSystemTimePreciseAsFileTime(&now);
    ::SetFileTime(handle_of(handle_), nullptr, nullptr, &now);
}

void OutputFile::set_modified(WallTime when) noexcept {
    const auto ticks =
        static_cast<std::uint64_t>(to_unix_ms(when) * file_ticks_per_ms + file_ticks_before_1970);
    const FILETIME time{static_cast<DWORD>(ticks & std::numeric_limits<DWORD>::max()),
                        static_cast<DWORD>(ticks >> 32U)};
    ::SetFileTime(handle_of(handle_), nullptr, nullptr, &time);
}

Result<void> OutputFile::sync() {
    if (::FlushFileBuffers(handle_of(handle_)) == 0) return os_error("cannot write to the disk");
    return {};
}

}  // namespace syspulse::platform
