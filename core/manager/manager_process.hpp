// The composition root: builds the adapters in one visible order, gives them to the conductor, and
// tears everything down in reverse.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "keeper/link.hpp"
#include "manager/conductor.hpp"
#include "platform/data_dir.hpp"

namespace syspulse::manager {

struct ProcessOptions {
    std::optional<std::filesystem::path> data_dir;
    std::optional<std::filesystem::path> socket;
    std::vector<std::filesystem::path> plugin_dirs;
    // Run for somebody at a terminal or in a container: SIGHUP stops it, and daemons get the whole
    // environment of this process instead of a small clean one.
    bool foreground = false;
    std::vector<std::filesystem::path> configs;  // Files whose block "plugins" counts.
};

// [loop thread]
class ManagerProcess {
  public:
    // With a link to a keeper, lock and endpoint come from there.
    static Result<std::unique_ptr<ManagerProcess>> create(
        const ProcessOptions& options, std::unique_ptr<keeper::Link> link = nullptr);
    virtual ~ManagerProcess() = default;

    virtual Conductor& conductor() = 0;
    virtual platform::EventLoop& loop() = 0;
    virtual platform::OutputCapture& capture() = 0;
    virtual const platform::DataPaths& paths() const = 0;

    // Reads spec files with this process's environment and plugins. The error lists every mistake.
    virtual Result<std::vector<model::DaemonSpec>> load_specs(
        const std::vector<std::filesystem::path>& files) = 0;

    // Opens the control endpoint, starts what should run and serves until shutdown is complete.
    virtual Result<void> run(bool restore) = 0;
};

}  // namespace syspulse::manager
