// The ways into the manager from the command line. What they take is plain data, so that core/cli
// needs nothing else of the manager.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace syspulse::manager {

struct DaemonOptions {
    std::optional<std::filesystem::path>
        data_dir;  // Absent: the environment decides, see data_dir.hpp.
    std::optional<std::filesystem::path> socket;  // Absent: follows the data directory.
    std::vector<std::filesystem::path> plugin_dirs;
    std::optional<std::filesystem::path> config;  // A spec file to load at start.
    bool keeper = true;  // Run under a keeper, which takes this process's place; see core/keeper.
    bool verbose = false;
    bool quiet = false;
};

struct ServiceOptions {
    std::string name;      // Of the service.
    DaemonOptions daemon;  // How the manager runs in it.
};

struct UpOptions {
    std::optional<std::filesystem::path> data_dir;
    std::optional<std::filesystem::path> socket;
    std::vector<std::filesystem::path> plugin_dirs;
    std::vector<std::filesystem::path> files;  // Spec files, at least one.
    bool color = false;                        // Colour the prefixes of output lines.
    bool keep_going = false;  // Stay when every daemon has ended; otherwise end with them.
    bool verbose = false;
    bool quiet = false;
};

// Why the manager did not run, or could not go on.
struct Refusal {
    Error error;
    bool in_spec = false;  // The message lists the mistakes of spec files, one a line.
};

// The exit code of the process, or what the caller is to report.
using Outcome = std::variant<int, Refusal>;

// Runs the manager in the foreground until it is told to stop.
Outcome run_daemon(const DaemonOptions& options);

// Registers the manager as a service of the system, removes that, and runs it as one; see
// system_service.hpp for the systems that have them. `code_of` gives the exit code that the system
// is told when the manager does not run.
Result<void> install_service(const ServiceOptions& options);
Result<void> uninstall_service(const std::string& name);
Outcome run_service(const ServiceOptions& options,
                    const std::function<int(const Refusal&)>& code_of);

// A manager, its daemons and their output in the foreground, from spec files.
Outcome run_up(const UpOptions& options);

}  // namespace syspulse::manager
