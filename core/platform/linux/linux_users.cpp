#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <vector>

#include "platform/users.hpp"

namespace syspulse::platform {
namespace {

constexpr std::size_t entry_bytes = 16384;  // Larger than any sane entry.

std::optional<std::uint32_t> number_in(const std::string& text) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

std::string without_group(const std::string& user) {
    return user.substr(0, user.find(':'));
}

std::optional<UserAccount> account_of(uid_t uid) {
    std::vector<char> buffer(entry_bytes);
    passwd entry{};
    passwd* found = nullptr;
    getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return std::nullopt;
    return UserAccount{found->pw_uid, found->pw_name, found->pw_dir, found->pw_shell};
}

std::optional<UserAccount> account_of(const std::string& name_or_number) {
    if (const auto number = number_in(name_or_number)) return account_of(*number);
    std::vector<char> buffer(entry_bytes);
    passwd entry{};
    passwd* found = nullptr;
    getpwnam_r(name_or_number.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return std::nullopt;
    return UserAccount{found->pw_uid, found->pw_name, found->pw_dir, found->pw_shell};
}

bool group_exists(const std::string& name_or_number) {
    if (number_in(name_or_number)) return true;
    std::vector<char> buffer(entry_bytes);
    group entry{};
    group* found = nullptr;
    // A group with more members than fit is there all the same.
    return getgrnam_r(name_or_number.c_str(), &entry, buffer.data(), buffer.size(), &found) ==
               ERANGE ||
           found != nullptr;
}

}  // namespace

std::optional<UserAccount> find_user(const std::string& user) {
    return account_of(without_group(user));
}

bool user_exists(const std::string& user) {
    const std::string name = without_group(user);
    const bool has_group = name.size() < user.size();
    if (has_group && !group_exists(user.substr(name.size() + 1))) return false;
    return (has_group && number_in(name)) || account_of(name);
}

std::optional<std::uint32_t> user_number(const std::string& user) {
    if (user.empty()) return geteuid();
    const std::string name = without_group(user);
    if (const auto number = number_in(name)) return number;
    const auto account = account_of(name);
    return account ? std::optional(account->number) : std::nullopt;
}

bool is_root(const std::string& user) {
    return user_number(user) == 0U;
}

bool may_become(const std::string& user) {
    return geteuid() == 0 || user_number(user) == geteuid();
}

std::optional<UserAccount> current_user() {
    return account_of(geteuid());
}

}  // namespace syspulse::platform
