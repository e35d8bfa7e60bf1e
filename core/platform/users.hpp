// Accounts of the operating system.
#pragma once

#include <optional>
#include <string>

namespace syspulse::platform {

struct UserAccount {
    std::string name;
    std::string home;
    std::string shell;
};

// By name or by number; nothing when there is no such account. May read files. [any thread]
std::optional<UserAccount> find_user(const std::string& name_or_number);

// The account that this process runs as.
std::optional<UserAccount> current_user();

}  // namespace syspulse::platform
