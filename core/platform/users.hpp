// Accounts of the operating system. A daemon's `user` is a name or a number, perhaps with ":group",
// whose own group is that one then, by name or by number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace syspulse::platform {

struct UserAccount {
    std::uint32_t number = 0;
    std::string name;
    std::string home;
    std::string shell;
};

// Nothing when there is no such account; a group is not looked at. May read files. [any thread]
std::optional<UserAccount> find_user(const std::string& user);

// Which number a daemon with this `user` ("" for that of this process) runs as. Nothing when there
// is no such account. May read files. [any thread]
std::optional<std::uint32_t> user_number(const std::string& user);

// Whether a daemon can run as this `user`: account and group are known, or both are numbers.
// [any thread]
bool user_exists(const std::string& user);

// Whether a daemon with this `user` ("" for that of this process) would run as root. [any thread]
bool is_root(const std::string& user);

// Whether this process may run daemons as this `user`. [any thread]
bool may_become(const std::string& user);

// The account that this process runs as.
std::optional<UserAccount> current_user();

}  // namespace syspulse::platform
