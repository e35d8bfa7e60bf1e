// The data directory: where everything of one manager lives, and the lock that keeps a second
// manager out. Every path follows the directory, so that two managers with two directories never
// meet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace syspulse::platform {

// Returns the value of an environment variable; nothing when it is unset.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view name)>;

// Looks into the environment of this process.
EnvironmentLookup process_environment();

// All variables of this process, names and values.
std::vector<std::pair<std::string, std::string>> environment_variables();

// Where the files of a data directory are. Computes names only; touches nothing.
struct DataPaths {
    std::filesystem::path directory;

    std::filesystem::path registry() const { return directory / "syspulse.db"; }
    std::filesystem::path socket() const { return directory / "syspulse.sock"; }
    std::filesystem::path pid_file() const { return directory / "syspulse.pid"; }
    // Of the file that --config named at the last start.
    std::filesystem::path config_copy() const { return directory / "syspulse.config.yaml"; }
    std::filesystem::path logs() const { return directory / "logs"; }
    std::filesystem::path logs_of(std::string_view daemon) const { return logs() / daemon; }
};

// The flag (--data-dir), else $SYSPULSE_DATA_DIR, else the per-user default (~/.syspulse). Empty
// values count as absent. The result is absolute and without "." and ".."; nothing is created.
Result<DataPaths> resolve_data_dir(const std::optional<std::string>& flag,
                                   const EnvironmentLookup& environment);

// Refuses a directory that belongs to somebody else or that others could write into; not_found when
// it does not exist. For clients, which must not hand requests to a stranger's manager; root may.
Result<void> check_data_dir(const std::filesystem::path& directory);

// The pid of the manager that holds the directory's lock; nothing when none does.
Result<std::optional<std::int64_t>> running_manager(const DataPaths& paths);

// A data directory held by this process until destroyed. The lock belongs to the open file and ends
// with the last descriptor to it, so that a crash never leaves it behind; the pid in the file is
// for people and error messages only and is not believed without the lock.
class DataDirectory {
  public:
    // Creates the directory (0700, parents included) and logs/ in it, checks owner and mode, takes
    // the lock and writes the pid. invalid_state when another manager holds it; one that is about
    // to end is waited for, two seconds at most once its endpoint is closed.
    static Result<DataDirectory> open(const DataPaths& paths);
    // Takes over a descriptor of the pid file through which somebody else has taken the lock.
    static Result<DataDirectory> adopt(const DataPaths& paths, int lock);

    DataDirectory(DataDirectory&&) noexcept;
    DataDirectory& operator=(DataDirectory&&) noexcept;
    ~DataDirectory();

    const DataPaths& paths() const noexcept;
    // The descriptor that carries the lock; for a program that replaces this one.
    int lock_handle() const noexcept;

  private:
    struct Hold;
    explicit DataDirectory(std::unique_ptr<Hold> hold) noexcept;
    std::unique_ptr<Hold> hold_;
};

// A name for a local socket that fits into sockaddr_un, for bind() and for connect(). A long path
// is reached through an open descriptor of its directory; keep the object until the call is done.
class SocketAddressPath {
  public:
    static Result<SocketAddressPath> of(const std::filesystem::path& socket);

    SocketAddressPath(SocketAddressPath&&) noexcept;
    SocketAddressPath& operator=(SocketAddressPath&&) noexcept;
    ~SocketAddressPath();

    // At most 107 bytes.
    const std::string& text() const noexcept;
    // What people call it: the path that was asked for, or the pipe that stands for it.
    const std::string& shown() const noexcept;

  private:
    struct Hold;
    explicit SocketAddressPath(std::unique_ptr<Hold> hold) noexcept;
    std::unique_ptr<Hold> hold_;
};

}  // namespace syspulse::platform
