// What makes a process findable for the next manager: its number, the moment of its creation, which
// together belong to it alone, and the name of its job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syspulse::plugins::job {

struct Identity {
    std::uint32_t pid = 0;
    std::uint64_t created = 0;  // A FILETIME.
    std::string job;            // UTF-8.

    bool operator==(const Identity&) const = default;
    std::string to_token() const;
    static std::optional<Identity> parse(std::string_view token);
};

// The name of the job of a run. Jobs are named per session of the machine; names hold no backslash.
std::string job_name(std::string_view run_id);

}  // namespace syspulse::plugins::job
