#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

#include "platform/users.hpp"

namespace syspulse::platform {
namespace {

constexpr std::size_t entry_bytes = 16384;  // Larger than any sane passwd entry.

std::optional<UserAccount> account(const passwd* found) {
    if (found == nullptr) return std::nullopt;
    return UserAccount{found->pw_name, found->pw_dir, found->pw_shell};
}

std::optional<UserAccount> by_number(uid_t uid) {
    std::vector<char> buffer(entry_bytes);
    passwd entry{};
    passwd* found = nullptr;
    getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    return account(found);
}

}  // namespace

std::optional<UserAccount> find_user(const std::string& name_or_number) {
    uid_t uid = 0;
    const char* end = name_or_number.data() + name_or_number.size();
    const auto parsed = std::from_chars(name_or_number.data(), end, uid);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return by_number(uid);
    std::vector<char> buffer(entry_bytes);
    passwd entry{};
    passwd* found = nullptr;
    getpwnam_r(name_or_number.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return account(found);
}

bool is_root(const std::string& user) {
    if (user.empty()) return geteuid() == 0;
    const std::string name = user.substr(0, user.find(':'));
    uid_t uid = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, uid);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return uid == 0;
    std::vector<char> buffer(entry_bytes);
    passwd entry{};
    passwd* found = nullptr;
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr && found->pw_uid == 0;
}

std::optional<UserAccount> current_user() {
    return by_number(geteuid());
}

std::int64_t process_id() {
    return getpid();
}

// The boot id alone would not do in a container that is restarted on a running machine: there, the
// start time of the first process (field 22 of its stat) tells one life from the next.
std::string boot_identity() {
    std::string boot;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
    std::string stat;
    std::getline(std::ifstream("/proc/1/stat"), stat);
    const std::size_t name_end = stat.rfind(')');
    if (boot.empty() || name_end == std::string::npos) return boot;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number) fields >> field;
    return boot + "/" + field;
}

std::filesystem::path program_path() {
    std::error_code error;
    auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::filesystem::path() : path;
}

}  // namespace syspulse::platform
