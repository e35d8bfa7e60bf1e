// A log file as the capture writes it and the readers read it: positioned access to a handle, and
// what identifies a file when its name has changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

// The same for as long as a file exists, whatever it is renamed to.
struct FileId {
    std::uint64_t device = 0;
    std::uint64_t file = 0;
    bool operator==(const FileId&) const = default;
};

struct FileState {
    FileId id;
    std::uint64_t size = 0;
    WallTime modified;
    bool unlinked = false;  // No name leads to it any more.
};

// Renames a file, in the place of one that may be there.
std::error_code move_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Why a file could not be renamed or removed.
std::string file_trouble(const std::error_code& why);

// Move-only. Failures for want of space have the code `unavailable`.
class OutputFile {
  public:
    OutputFile() = default;
    OutputFile(OutputFile&& other) noexcept : handle_(std::exchange(other.handle_, no_handle)) {}
    OutputFile& operator=(OutputFile&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~OutputFile() { close(); }

    // Creates it if need be; readable, too.
    static Result<OutputFile> open_for_writing(const std::filesystem::path& path);
    // As above, but whatever was in it is gone.
    static Result<OutputFile> create(const std::filesystem::path& path);
    static Result<OutputFile> open_for_reading(const std::filesystem::path& path);

    explicit operator bool() const noexcept { return handle_ != no_handle; }
    NativeHandle handle() const noexcept { return handle_; }
    void close() noexcept;

    Result<FileState> state() const;
    // All bytes or a failure; some may then have been written.
    Result<void> write_at(std::uint64_t offset, std::span<const char> bytes);
    // Fewer bytes than asked for only at the end of the file.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> bytes) const;
    Result<void> truncate(std::uint64_t size);
    // Tells watchers of the file that it changed, which move_to() alone does not do on every
    // kernel.
    void touch() noexcept;
    void set_modified(WallTime when) noexcept;
    // Returns once its bytes are on the disk.
    Result<void> sync();

  private:
    explicit OutputFile(NativeHandle handle) noexcept : handle_(handle) {}
    static Result<OutputFile> open(const std::filesystem::path& path, int flags);

    NativeHandle handle_ = no_handle;
};

}  // namespace syspulse::platform
