#include "cgroup/legacy_setting.hpp"

#include <algorithm>
#include <cstdint>

namespace syspulse::plugins::cgroup {

std::vector<std::pair<std::string, std::string>> legacy_setting(std::string_view file,
                                                                const std::string& value) {
    // Version 2 weighs from 1 to 10000 around 100, version 1 shares around 1024 and weights around
    // 500 of at most 1000.
    constexpr std::uint64_t shares_of_default = 1024;
    constexpr std::uint64_t least_shares = 2;
    if (file == "memory.max") return {{"memory.limit_in_bytes", value}};
    if (file == "pids.max" || file == "cpuset.cpus" || file == "cpuset.mems")
        return {{std::string(file), value}};
    if (file == "cpu.max") {
        const auto space = value.find(' ');
        return {{"cpu.cfs_period_us", value.substr(space + 1)},
                {"cpu.cfs_quota_us", value.substr(0, space)}};
    }
    if (file == "cpu.weight") {
        const std::uint64_t shares = std::stoull(value) * shares_of_default / 100;
        return {{"cpu.shares", std::to_string(std::max(shares, least_shares))}};
    }
    if (file == "io.weight") {
        const std::uint64_t weight = std::stoull(value) * 5;
        return {{"blkio.weight",
                 std::to_string(std::clamp(weight, std::uint64_t{10}, std::uint64_t{1000}))}};
    }
    return {};
}

}  // namespace syspulse::plugins::cgroup
