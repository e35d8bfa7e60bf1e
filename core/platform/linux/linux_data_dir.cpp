#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "base/log.hpp"
#include "platform/data_dir.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"

extern char** environ;

namespace syspulse::platform {

namespace {

namespace fs = std::filesystem;

constexpr mode_t others_can_write = S_IWGRP | S_IWOTH;
// How long a manager that was killed is given to be gone, and one that has closed its endpoint.
constexpr int lock_tries = 30;
constexpr int lock_tries_after_farewell = 200;
constexpr int lock_pause_ms = 10;

// Adds who was refused and what helps to the plain OS error.
Error data_error(const std::string& what, int number = errno) {
    Error error = os_error(what, number);
    if (error.code == ErrorCode::permission_denied) {
        error.message += " (as user " + std::to_string(::geteuid()) +
                         "); make it writable for that user or choose another --data-dir";
    }
    return error;
}

// Single quotes make the path safe to paste into a shell.
std::string quoted(const fs::path& path) {
    std::string text = "'";
    for (const char c : path.native()) {
        if (c == '\'') {
            text += "'\\''";
        } else {
            text += c;
        }
    }
    return text + "'";
}

enum class For { manager, client };

// Root may be a client of anybody's manager.
Result<void> check_open_directory(int directory, const fs::path& path, For user) {
    const std::string what = "cannot use the data directory " + path.native();
    struct stat status {};
    if (::fstat(directory, &status) != 0) return data_error(what);
    const bool owner = status.st_uid == ::geteuid();
    if (!owner && (user == For::manager || ::geteuid() != 0)) {
        return Error{ErrorCode::permission_denied,
                     what + ": it belongs to user " + std::to_string(status.st_uid) +
                         ", not to user " + std::to_string(::geteuid()) +
                         "; run as its owner or choose another --data-dir"};
    }
    if ((status.st_mode & others_can_write) != 0) {
        return Error{ErrorCode::permission_denied,
                     what + ": other users can write to it; run: chmod 700 " + quoted(path)};
    }
    return {};
}

Result<UniqueFd> open_directory(const fs::path& path) {
    UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return data_error("cannot open the data directory " + path.native());
    return directory;
}

Result<void> check_directory(const fs::path& path, For user) {
    const auto opened = open_directory(path);
    if (!opened) return opened.error();
    return check_open_directory(opened->get(), path, user);
}

// Files in it are private by themselves; that leaves the names of daemons. What somebody made for
// more than this, with other things in it, is theirs to close.
void close_to_others(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
    std::error_code unreadable;
    const bool empty = fs::is_empty(path, unreadable);
    if (!unreadable && empty && ::chmod(path.c_str(), S_IRWXU) == 0) return;
    log::warn("other users can look into the data directory " + path.native() +
              "; to prevent it run: chmod 700 " + quoted(path));
}

// Creates missing parents too, with the same private mode.
Result<void> ensure_directory(const fs::path& path) {
    if (::mkdir(path.c_str(), S_IRWXU) == 0) return {};
    if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
        if (auto parent = ensure_directory(path.parent_path()); !parent) return parent;
        if (::mkdir(path.c_str(), S_IRWXU) == 0) return {};
    }
    const int cause = errno;
    std::error_code ignored;
    if (cause == EEXIST && fs::is_directory(path, ignored)) return {};
    // Some file systems report missing permission before the directory that is there already.
    if (fs::is_directory(path, ignored)) return {};
    return data_error("cannot create the data directory " + path.native(),
                      cause == EEXIST ? ENOTDIR : cause);
}

std::optional<std::int64_t> read_pid(int file) {
    char text[32];
    const ssize_t size = ::pread(file, text, sizeof text, 0);
    std::int64_t pid = 0;
    if (size <= 0 || std::from_chars(text, text + size, pid).ec != std::errc{} || pid <= 0) {
        return std::nullopt;
    }
    return pid;
}

// The keeper that runs the manager: its parent, if that has a keeper's name. What was started by a
// person or a service manager is the keeper, so that they know the manager by this number.
std::string kept_by(std::int64_t manager) {
    const fs::path process = "/proc/" + std::to_string(manager);
    std::ifstream stat(process / "stat");
    std::string line;
    std::getline(stat, line);
    // "PID (name) state PPID ...", where the name may hold anything.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= line.size()) return "";
    const std::string parent =
        line.substr(name_end + 4, line.find(' ', name_end + 4) - name_end - 4);
    std::ifstream name("/proc/" + parent + "/comm");
    std::getline(name, line);
    if (line != "syspulse-keeper") return "";
    return " under the keeper " + parent;
}

Error already_running(const DataPaths& paths, int file) {
    const auto pid = read_pid(file);
    const std::string number = pid ? std::to_string(*pid) : "unknown";
    return {ErrorCode::invalid_state, "another manager (pid " + number + ") is running" +
                                          (pid ? kept_by(*pid) : "") + " on " +
                                          paths.directory.native() +
                                          "; stop it with syspulse shutdown (or kill -TERM, when "
                                          "its socket is gone), or choose another --data-dir"};
}

Result<void> write_pid(int file, const fs::path& path) {
    const std::string text = std::to_string(::getpid()) + "\n";
    const auto size = static_cast<ssize_t>(text.size());
    if (::ftruncate(file, 0) != 0 || ::pwrite(file, text.data(), text.size(), 0) != size) {
        return data_error("cannot write " + path.native());
    }
    return {};
}

struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

// False when the holder of the lock has closed its endpoint: it is about to end.
bool endpoint_answers(const DataPaths& paths) {
    const auto reachable = SocketAddressPath::of(paths.socket());
    if (!reachable) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    reachable->text().copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return true;
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(probe.get(), generic, sizeof address) == 0) return true;
    return errno != ENOENT && errno != ECONNREFUSED;
}

// An open-file-description lock: it ends with the last descriptor of this opening, where a classic
// fcntl() lock would end with any close() of the file, and it can be tested without taking it.
Result<UniqueFd> lock_pid_file(const DataPaths& paths) {
    const fs::path path = paths.pid_file();
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return data_error("cannot write to the data directory " + paths.directory.native());
    struct flock lock = whole_file();
    for (int tries = 0; ::fcntl(file.get(), F_OFD_SETLK, &lock) != 0; ++tries) {
        if (errno != EAGAIN && errno != EACCES) return data_error("cannot lock " + path.native());
        if (tries >= lock_tries_after_farewell || (tries >= lock_tries && endpoint_answers(paths)))
            return already_running(paths, file.get());
        ::poll(nullptr, 0, lock_pause_ms);
    }
    if (auto written = write_pid(file.get(), path); !written) return written.error();
    return file;
}

}  // namespace

EnvironmentLookup process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

std::vector<std::pair<std::string, std::string>> environment_variables() {
    std::vector<std::pair<std::string, std::string>> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals == std::string_view::npos || equals == 0) continue;
        variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

Result<DataPaths> resolve_data_dir(const std::optional<std::string>& flag,
                                   const EnvironmentLookup& environment) {
    fs::path chosen;
    if (flag.has_value()) chosen = *flag;
    if (chosen.empty()) chosen = environment("SYSPULSE_DATA_DIR").value_or("");
    if (chosen.empty()) {
        const std::string home = environment("HOME").value_or("");
        if (home.empty()) {
            return Error{ErrorCode::invalid_argument,
                         "cannot find the data directory: HOME is not set; give --data-dir or set "
                         "SYSPULSE_DATA_DIR"};
        }
        chosen = fs::path(home) / ".syspulse";
    }
    std::error_code failure;
    fs::path absolute = fs::absolute(chosen, failure).lexically_normal();
    if (failure) {
        return Error{ErrorCode::unavailable, "cannot find the data directory " + chosen.native() +
                                                 ": " + failure.message()};
    }
    // "dir/" and "dir" are one directory and must give the same names.
    if (!absolute.has_filename() && absolute.has_relative_path()) absolute = absolute.parent_path();
    return DataPaths{absolute};
}

Result<void> check_data_dir(const fs::path& directory) {
    return check_directory(directory, For::client);
}

Result<std::optional<std::int64_t>> running_manager(const DataPaths& paths) {
    const fs::path path = paths.pid_file();
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        if (errno == ENOENT) return std::optional<std::int64_t>{};
        return data_error("cannot read " + path.native());
    }
    struct flock lock = whole_file();
    if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0) {
        return data_error("cannot test the lock of " + path.native());
    }
    if (lock.l_type == F_UNLCK) return std::optional<std::int64_t>{};
    return read_pid(file.get());
}

struct DataDirectory::Hold {
    DataPaths paths;
    UniqueFd lock;
};

DataDirectory::DataDirectory(std::unique_ptr<Hold> hold) noexcept : hold_(std::move(hold)) {}
DataDirectory::DataDirectory(DataDirectory&&) noexcept = default;
DataDirectory& DataDirectory::operator=(DataDirectory&&) noexcept = default;
DataDirectory::~DataDirectory() = default;

const DataPaths& DataDirectory::paths() const noexcept {
    return hold_->paths;
}

Result<DataDirectory> DataDirectory::open(const DataPaths& paths) {
    if (auto created = ensure_directory(paths.directory); !created) return created.error();
    if (auto fine = check_directory(paths.directory, For::manager); !fine) return fine.error();
    close_to_others(paths.directory);
    auto lock = lock_pid_file(paths);
    if (!lock) return lock.error();
    if (auto created = ensure_directory(paths.logs()); !created) return created.error();
    return DataDirectory(std::make_unique<Hold>(Hold{paths, std::move(*lock)}));
}

Result<DataDirectory> DataDirectory::adopt(const DataPaths& paths, int lock) {
    UniqueFd held(lock);
    if (auto fine = check_directory(paths.directory, For::manager); !fine) return fine.error();
    if (auto created = ensure_directory(paths.logs()); !created) return created.error();
    return DataDirectory(std::make_unique<Hold>(Hold{paths, std::move(held)}));
}

int DataDirectory::lock_handle() const noexcept {
    return hold_->lock.get();
}

struct SocketAddressPath::Hold {
    std::string text;
    UniqueFd directory;      // Open while `text` leads through it.
    std::string asked = {};  // Where it is not `text`.
};

SocketAddressPath::SocketAddressPath(std::unique_ptr<Hold> hold) noexcept
    : hold_(std::move(hold)) {}
SocketAddressPath::SocketAddressPath(SocketAddressPath&&) noexcept = default;
SocketAddressPath& SocketAddressPath::operator=(SocketAddressPath&&) noexcept = default;
SocketAddressPath::~SocketAddressPath() = default;

const std::string& SocketAddressPath::text() const noexcept {
    return hold_->text;
}

const std::string& SocketAddressPath::shown() const noexcept {
    return hold_->asked.empty() ? hold_->text : hold_->asked;
}

Result<SocketAddressPath> SocketAddressPath::of(const fs::path& socket) {
    constexpr std::size_t most = sizeof(sockaddr_un::sun_path) - 1;
    if (socket.native().size() <= most) {
        return SocketAddressPath(std::make_unique<Hold>(Hold{socket.native(), UniqueFd()}));
    }
    const fs::path parent = socket.has_parent_path() ? socket.parent_path() : fs::path(".");
    UniqueFd directory(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return data_error("cannot reach the socket " + socket.native());
    std::string text =
        "/proc/self/fd/" + std::to_string(directory.get()) + "/" + socket.filename().native();
    if (text.size() > most) {
        return Error{ErrorCode::invalid_argument,
                     "cannot use the socket " + socket.native() + ": its name is longer than " +
                         std::to_string(most) + " bytes; choose a shorter --socket"};
    }
    return SocketAddressPath(
        std::make_unique<Hold>(Hold{std::move(text), std::move(directory), socket.native()}));
}

}  // namespace syspulse::platform
