// Whether a foreign checker takes its options, found out in a process that is thrown away.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "plugin_host/isolation/policy.hpp"

namespace syspulse::plugin_host {

struct OptionTrial {
    std::filesystem::path program;  // Of plugin hosts; empty: the running one.
    std::filesystem::path file;     // The plugin's.
    IsolationPolicy policy;         // User, limits, and by its watchdog how long this may take.
    std::string checker;
    std::string options_json;
};

// Makes the checker with these options and ends the process. Its own error is given as it is;
// a process that crashes or does not answer is an error, too. [any thread]
Result<void> try_options(const OptionTrial& trial);

}  // namespace syspulse::plugin_host
