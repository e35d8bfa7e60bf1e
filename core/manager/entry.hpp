// The ways into the manager from the command line. What they take is plain data, so that core/cli
// needs nothing else of the manager; what they return is the exit code of the process.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

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

// Runs the manager in the foreground until it is told to stop. Reports its own errors on stderr.
int run_daemon(const DaemonOptions& options);

// A manager, its daemons and their output in the foreground, from spec files.
int run_up(const UpOptions& options);

}  // namespace syspulse::manager
