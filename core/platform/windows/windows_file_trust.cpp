// Access lists as the measure of who could have written a file.
#include <string>
#include <system_error>

#include "platform/file_trust.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;

constexpr ACCESS_MASK change_rights =
    FILE_WRITE_DATA | FILE_APPEND_DATA | DELETE | WRITE_DAC | WRITE_OWNER;
// What lets somebody replace a file in a directory. Adding other files is no harm.
constexpr ACCESS_MASK replace_rights = FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER;

Error distrust(std::string why) {
    return Error{ErrorCode::permission_denied, std::move(why)};
}

Result<void> check_nobody_else(const fs::path& path, ACCESS_MASK rights, const char* verb) {
    const auto access = file_access(path);
    if (!access) return access.error();
    if (!is_trusted(access->owner.get())) {
        return distrust("it belongs to " + access->owner.name() +
                        ", expected an administrator or you; change its owner");
    }
    const std::string who = who_else_may(*access, rights);
    if (who.empty()) return {};
    return distrust(who + " may " + verb + "; take that from its access list (icacls)");
}

Result<void> check_directories(const fs::path& path) {
    for (fs::path directory = path.parent_path(); directory.has_relative_path();
         directory = directory.parent_path()) {
        auto checked = check_nobody_else(directory, replace_rights, "replace files in it");
        if (!checked) return checked.error().with("its directory " + directory.string());
    }
    return {};
}

}  // namespace

Result<fs::path> trusted_file(const fs::path& file) {
    const std::string what = "cannot trust " + file.string();
    std::error_code failure;
    fs::path path = fs::canonical(file, failure);
    if (failure) return Error{ErrorCode::not_found, failure.message()}.with(what);
    if (!fs::is_regular_file(path, failure))
        return Error{ErrorCode::invalid_argument, "not a regular file"}.with(what);
    path.make_preferred();
    if (auto mine = check_nobody_else(path, change_rights, "write it"); !mine)
        return mine.error().with(what);
    if (auto mine = check_directories(path); !mine) return mine.error().with(what);
    return path;
}

// Whoever names a file vouches for its owner; what everybody may write is nobody's.
Result<void> check_spec_file(const fs::path& file) {
    std::error_code failure;
    const fs::path path = fs::canonical(file, failure);
    if (failure || !fs::is_regular_file(path, failure)) return {};
    const auto access = file_access(path);
    if (!access) return {};
    if (access->open_to_all) return distrust("everybody may write it; give it an access list");
    for (const FileAccess::Grant& grant : access->grants) {
        const bool all = ::IsWellKnownSid(grant.who.get(), WinWorldSid) != 0;
        if (all && (grant.mask & (change_rights | GENERIC_WRITE | GENERIC_ALL)) != 0)
            return distrust("everybody may write it; take that from its access list (icacls)");
    }
    return {};
}

std::uint64_t file_stamp(const fs::path& file) {
    const UniqueHandle opened(::CreateFileW(long_path(file).c_str(), FILE_READ_ATTRIBUTES,
                                            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                            nullptr, OPEN_EXISTING, 0, nullptr));
    BY_HANDLE_FILE_INFORMATION info{};
    if (!opened || ::GetFileInformationByHandle(opened.get(), &info) == 0) return 0;
    constexpr std::uint64_t mixing_prime = 1'099'511'628'211ULL;
    std::uint64_t stamp = 1;
    for (const DWORD part :
         {info.nFileIndexHigh, info.nFileIndexLow, info.nFileSizeHigh, info.nFileSizeLow,
          info.ftLastWriteTime.dwHighDateTime, info.ftLastWriteTime.dwLowDateTime}) {
        stamp = (stamp ^ part) * mixing_prime;
    }
    return stamp | 1;
}

}  // namespace syspulse::platform
