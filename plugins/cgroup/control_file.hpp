// The small files through which a cgroup is read and set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syspulse::plugins::cgroup {

// The whole file without the newline at its end; nothing if it cannot be read.
std::optional<std::string> read_control(const std::string& path);

// Returns an errno; 0 is success.
int write_control(const std::string& path, std::string_view value);

// A file that holds one number; nothing for "max" and for what cannot be read.
std::optional<std::uint64_t> read_number(const std::string& path);

// The number after `key` in a file of lines "key number".
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key);

std::vector<std::string_view> split(std::string_view text, char separator);

bool exists(const std::string& path);

// The directory that holds `path`, which has no slash at its end.
std::string parent_of(const std::string& path);

}  // namespace syspulse::plugins::cgroup
