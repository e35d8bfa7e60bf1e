// A SpawnRequest in the words of the ABI. Borrows everything: it must not outlive what it was made
// from.
#pragma once

#include <syspulse/plugin.h>

#include <vector>

#include "platform/process_runner.hpp"

namespace syspulse::plugin_host {

// Only those limits whose bits are in `enforces`.
sysp_limits limits_of(const platform::ProcessLimits& limits, std::uint32_t enforces);

class SpawnArguments {
  public:
    // Passes on only those limits whose bits are in `enforces`.
    SpawnArguments(const platform::SpawnRequest& request, sysp_proc proc, std::uint32_t enforces,
                   const sysp_config* config);
    SpawnArguments(const SpawnArguments&) = delete;
    SpawnArguments& operator=(const SpawnArguments&) = delete;

    const sysp_spawn_request* get() const { return &foreign_; }

  private:
    std::vector<sysp_str> argv_;
    std::vector<sysp_str> env_;
    sysp_limits limits_{};
    sysp_spawn_request foreign_{};
};

}  // namespace syspulse::plugin_host
