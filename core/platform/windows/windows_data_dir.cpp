#include <algorithm>
#include <charconv>
#include <cwctype>
#include <system_error>

#include "base/log.hpp"
#include "base/path_text.hpp"
#include "platform/data_dir.hpp"
#include "platform/users.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;

constexpr ACCESS_MASK directory_rights =
    FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER;
// How long a manager that was killed, or is about to end, is given to be gone.
constexpr int lock_tries = 200;
constexpr DWORD lock_pause_ms = 10;
constexpr std::string_view pipe_prefix = R"(\\.\pipe\)";

Error data_error(const std::string& what, DWORD number) {
    Error error = os_error(what, number);
    if (error.code == ErrorCode::permission_denied) {
        error.message += " (as user " + own_sid().name() +
                         "); make it writable for that user or choose another --data-dir";
    }
    return error;
}

enum class For { manager, client };

// An administrator may be a client of anybody's manager.
Result<void> check_directory(const fs::path& path, For user) {
    const std::string what = "cannot use the data directory " + path.string();
    std::error_code failure;
    if (!fs::exists(path, failure))
        return Error{ErrorCode::not_found, "it does not exist"}.with(what);
    if (!fs::is_directory(path, failure))
        return Error{ErrorCode::invalid_argument, "it is not a directory"}.with(what);
    const auto access = file_access(path);
    if (!access) return access.error().with(what);
    if (user == For::manager && !is_trusted(access->owner.get())) {
        return Error{ErrorCode::permission_denied,
                     what + ": it belongs to " + access->owner.name() + ", not to " +
                         own_sid().name() + "; run as its owner or choose another --data-dir"};
    }
    const std::string who = who_else_may(*access, directory_rights);
    if (who.empty()) return {};
    return Error{ErrorCode::permission_denied,
                 what + ": " + who + " can write to it; run: icacls \"" + path.string() +
                     "\" /inheritance:r /grant:r \"%USERNAME%:(OI)(CI)F\""};
}

// Creates missing parents too, which then are as private.
Result<void> ensure_directory(const fs::path& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return {};
    if (path.has_parent_path() && path.parent_path() != path) {
        if (auto parent = ensure_directory(path.parent_path()); !parent) return parent;
    }
    auto only_we = OwnerOnly::make(true);
    if (!only_we) return only_we.error();
    if (::CreateDirectoryW(long_path(path).c_str(), only_we->attributes()) != 0) return {};
    const DWORD number = ::GetLastError();
    const std::string what = "cannot create the data directory " + path.string();
    if (number != ERROR_ALREADY_EXISTS) return data_error(what, number);
    if (fs::is_directory(path, ignored)) return {};
    return Error{ErrorCode::invalid_argument,
                 what + ": it is a file, not a directory; choose another --data-dir"};
}

std::optional<std::int64_t> read_pid(const fs::path& path) {
    const UniqueHandle file(::CreateFileW(long_path(path).c_str(), GENERIC_READ,
                                          FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                          nullptr, OPEN_EXISTING, 0, nullptr));
    char text[32];
    DWORD size = 0;
    std::int64_t pid = 0;
    if (!file || ::ReadFile(file.get(), text, sizeof text, &size, nullptr) == 0 ||
        std::from_chars(text, text + size, pid).ec != std::errc{} || pid <= 0) {
        return std::nullopt;
    }
    return pid;
}

// Whoever may write to the file has it alone: the lock is that nobody else can open it for writing,
// and it ends with the last handle. Reading it stays possible.
UniqueHandle open_lock(const fs::path& path, DWORD creation) {
    return UniqueHandle(::CreateFileW(long_path(path).c_str(), GENERIC_READ | GENERIC_WRITE,
                                      FILE_SHARE_READ, nullptr, creation, 0, nullptr));
}

Error already_running(const DataPaths& paths) {
    const auto pid = read_pid(paths.pid_file());
    const std::string number = pid ? std::to_string(*pid) : "unknown";
    return {ErrorCode::invalid_state, "another manager (pid " + number + ") is running on " +
                                          paths.directory.string() +
                                          "; stop it with syspulse shutdown, or choose another "
                                          "--data-dir"};
}

Result<void> write_pid(HANDLE file, const fs::path& path) {
    const std::string text = std::to_string(::GetCurrentProcessId()) + "\n";
    DWORD written = 0;
    ::SetFilePointer(file, 0, nullptr, FILE_BEGIN);
    if (::WriteFile(file, text.data(), static_cast<DWORD>(text.size()), &written, nullptr) == 0 ||
        ::SetEndOfFile(file) == 0) {
        const DWORD number = ::GetLastError();
        return data_error("cannot write " + path.string(), number);
    }
    return {};
}

Result<UniqueHandle> lock_pid_file(const DataPaths& paths) {
    for (int tries = 0;; ++tries) {
        UniqueHandle file = open_lock(paths.pid_file(), OPEN_ALWAYS);
        const DWORD number = ::GetLastError();
        if (file) {
            if (auto written = write_pid(file.get(), paths.pid_file()); !written)
                return written.error();
            return file;
        }
        if (number != ERROR_SHARING_VIOLATION) {
            return data_error("cannot write to the data directory " + paths.directory.string(),
                              number);
        }
        if (tries >= lock_tries) return already_running(paths);
        ::Sleep(lock_pause_ms);
    }
}

// FNV-1a; names of files differ in more than upper and lower case.
std::string hash_of(const fs::path& path) {
    std::uint64_t hash = 14'695'981'039'346'656'037ULL;
    std::wstring text = fs::path(path).make_preferred().native();
    for (const wchar_t c : text) {
        const auto unit = static_cast<std::uint64_t>(std::towlower(static_cast<std::wint_t>(c)));
        hash = (hash ^ unit) * 1'099'511'628'211ULL;
    }
    char digits[17];
    const auto end = std::to_chars(digits, digits + sizeof digits, hash, 16).ptr;
    return {digits, end};
}

}  // namespace

EnvironmentLookup process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const std::wstring wide = to_wide(name);
        ::SetLastError(ERROR_SUCCESS);
        const DWORD size = ::GetEnvironmentVariableW(wide.c_str(), nullptr, 0);
        if (size == 0 && ::GetLastError() == ERROR_ENVVAR_NOT_FOUND) return std::nullopt;
        std::wstring value(size, L'\0');
        value.resize(::GetEnvironmentVariableW(wide.c_str(), value.data(), size));
        return to_utf8(value);
    };
}

std::vector<std::pair<std::string, std::string>> environment_variables() {
    std::vector<std::pair<std::string, std::string>> variables;
    wchar_t* const block = ::GetEnvironmentStringsW();
    for (const wchar_t* entry = block; entry != nullptr && *entry != L'\0';) {
        const std::wstring_view text = entry;
        entry += text.size() + 1;
        // "=C:=C:\dir" and its like are how the shell remembers directories.
        const auto equals = text.find(L'=');
        if (equals == std::wstring_view::npos || equals == 0) continue;
        variables.emplace_back(to_utf8(text.substr(0, equals)), to_utf8(text.substr(equals + 1)));
    }
    if (block != nullptr) ::FreeEnvironmentStringsW(block);
    return variables;
}

Result<DataPaths> resolve_data_dir(const std::optional<std::string>& flag,
                                   const EnvironmentLookup& environment) {
    std::string chosen = flag.value_or("");
    if (chosen.empty()) chosen = environment("SYSPULSE_DATA_DIR").value_or("");
    if (chosen.empty()) {
        const std::string local = environment("LOCALAPPDATA").value_or("");
        if (local.empty()) {
            return Error{ErrorCode::invalid_argument,
                         "cannot find the data directory: LOCALAPPDATA is not set; give --data-dir "
                         "or set SYSPULSE_DATA_DIR"};
        }
        chosen = local + "\\syspulse";
    }
    // Access lists of a share are not ours to see through, and SQLite's locks need a local disk.
    if (is_device_or_share(to_wide(chosen))) {
        return Error{ErrorCode::invalid_argument,
                     "cannot use the data directory " + chosen +
                         ": it has to be a path of a drive of this machine, such as "
                         "C:\\syspulse, without \\\\ before it; choose another --data-dir"};
    }
    std::error_code failure;
    fs::path absolute = fs::absolute(to_wide(chosen), failure).lexically_normal();
    if (failure) {
        return Error{ErrorCode::unavailable,
                     "cannot find the data directory " + chosen + ": " + failure.message()};
    }
    absolute.make_preferred();
    if (!absolute.has_filename() && absolute.has_relative_path()) absolute = absolute.parent_path();
    return DataPaths{absolute};
}

Result<void> check_data_dir(const fs::path& directory) {
    return check_directory(directory, is_root("") ? For::client : For::manager);
}

Result<std::optional<std::int64_t>> running_manager(const DataPaths& paths) {
    const fs::path path = paths.pid_file();
    const UniqueHandle file = open_lock(path, OPEN_EXISTING);
    const DWORD number = ::GetLastError();
    if (file || number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND)
        return std::optional<std::int64_t>{};
    if (number == ERROR_SHARING_VIOLATION) return read_pid(path);
    return data_error("cannot read " + path.string(), number);
}

struct DataDirectory::Hold {
    DataPaths paths;
    UniqueHandle lock;
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
    auto lock = lock_pid_file(paths);
    if (!lock) return lock.error();
    if (auto created = ensure_directory(paths.logs()); !created) return created.error();
    return DataDirectory(std::make_unique<Hold>(Hold{paths, std::move(*lock)}));
}

// Values of handles fit into 32 bits, also in 64-bit processes.
Result<DataDirectory> DataDirectory::adopt(const DataPaths& paths, int lock) {
    UniqueHandle held(handle_of(lock));
    if (auto fine = check_directory(paths.directory, For::manager); !fine) return fine.error();
    if (auto written = write_pid(held.get(), paths.pid_file()); !written) return written.error();
    if (auto created = ensure_directory(paths.logs()); !created) return created.error();
    return DataDirectory(std::make_unique<Hold>(Hold{paths, std::move(held)}));
}

int DataDirectory::lock_handle() const noexcept {
    return static_cast<int>(native_of(hold_->lock.get()));
}

struct SocketAddressPath::Hold {
    std::string text;
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
    return hold_->text;
}

// Pipes have names of their own. That of a data directory follows from the directory; a name
// without one is taken as it is.
Result<SocketAddressPath> SocketAddressPath::of(const fs::path& socket) {
    std::string name = fs::path(socket).make_preferred().string();
    if (name.starts_with(pipe_prefix)) name.erase(0, pipe_prefix.size());
    if (name.empty()) {
        return Error{ErrorCode::invalid_argument, "the name of the control endpoint is empty"};
    }
    if (name.find_first_of("\\/:") != std::string::npos) name = "syspulse-" + hash_of(socket);
    constexpr std::size_t most = 240;  // Windows takes 256 characters, the prefix included.
    if (name.size() > most) {
        return Error{ErrorCode::invalid_argument,
                     "cannot use the pipe " + name + ": its name is longer than " +
                         std::to_string(most) + " characters; choose a shorter --socket"};
    }
    return SocketAddressPath(std::make_unique<Hold>(Hold{std::string(pipe_prefix) + name}));
}

}  // namespace syspulse::platform
