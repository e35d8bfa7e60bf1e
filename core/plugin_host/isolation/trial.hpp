// Whether a foreign checker takes its options, or a foreign driver what a spec asks of it, found
// out in a process that is thrown away.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "platform/process_runner.hpp"
#include "plugin_host/isolation/policy.hpp"

namespace syspulse::plugin_host {

struct OptionTrial {
    std::filesystem::path program;  // Of plugin hosts; empty: the running one.
    std::filesystem::path file;     // The plugin's.
    IsolationPolicy policy;         // User, limits, and by its watchdog how long this may take.
    bool driver = false;
    std::string kind;  // The name of the checker or driver.
    std::string options_json;
    platform::ProcessLimits limits = {};  // Of a driver's process.
};

// Makes the checker with these options, or asks the driver by syspulse.try/1, and ends the process.
// False if it is a driver without that extension, which takes everything. Its own error is given as
// it is; a process that crashes or does not answer is an error, too. [any thread]
Result<bool> try_options(const OptionTrial& trial);

}  // namespace syspulse::plugin_host
