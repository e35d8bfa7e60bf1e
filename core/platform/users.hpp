// Accounts of the operating system, and who this process is.
#pragma once

#include <cstdint>
#include <filesystem>
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

// Whether a daemon with this `user` ("" for that of this process; a name or number, perhaps with
// ":group") would run as root. [any thread]
bool is_root(const std::string& user);

// The account that this process runs as.
std::optional<UserAccount> current_user();

std::int64_t process_id();

// Names this life of the machine, or of the container: another value means that every process of
// the time before has ended. Empty when the system does not tell.
std::string boot_identity();

// The absolute path of the program that runs; empty when the system does not tell.
std::filesystem::path program_path();

}  // namespace syspulse::platform
