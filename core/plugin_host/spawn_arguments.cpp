#include "plugin_host/spawn_arguments.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {
namespace {

std::vector<sysp_str> borrow_all(const std::vector<std::string>& texts) {
    std::vector<sysp_str> borrowed;
    borrowed.reserve(texts.size());
    for (const std::string& text : texts) borrowed.push_back(borrow(text));
    return borrowed;
}

std::uint32_t whole_percent(double percent) {
    constexpr double largest = 1'000'000;  // Ten thousand CPUs.
    return static_cast<std::uint32_t>(std::ceil(std::clamp(percent, 1.0, largest)));
}

}  // namespace

sysp_limits limits_of(const platform::ProcessLimits& limits, std::uint32_t enforces) {
    sysp_limits foreign{};
    foreign.size = sizeof foreign;
    if (limits.max_memory_bytes) foreign.valid |= SYSP_LIMIT_MEMORY;
    if (limits.max_cpu_percent) foreign.valid |= SYSP_LIMIT_CPU;
    if (limits.max_open_files) foreign.valid |= SYSP_LIMIT_OPEN_FILES;
    if (limits.max_processes) foreign.valid |= SYSP_LIMIT_PROCESSES;
    foreign.valid &= enforces;
    foreign.memory_bytes = limits.max_memory_bytes.value_or(0);
    foreign.open_files = limits.max_open_files.value_or(0);
    foreign.processes = limits.max_processes.value_or(0);
    foreign.cpu_percent = limits.max_cpu_percent ? whole_percent(*limits.max_cpu_percent) : 0;
    return foreign;
}

SpawnArguments::SpawnArguments(const platform::SpawnRequest& request, sysp_proc proc,
                               std::uint32_t enforces, const sysp_config* config)
    : argv_(borrow_all(request.argv)),
      env_(borrow_all(request.env)),
      limits_(limits_of(request.limits, enforces)) {
    foreign_.size = sizeof foreign_;
    foreign_.proc = proc;
    foreign_.run_id = borrow(request.run_id);
    foreign_.unit = borrow(request.unit);
    foreign_.argv = argv_.data();
    foreign_.argc = argv_.size();
    foreign_.env = env_.data();
    foreign_.envc = env_.size();
    foreign_.cwd = borrow(request.working_dir);
    foreign_.user = borrow(request.user);
    std::copy(std::begin(request.stdio), std::end(request.stdio), std::begin(foreign_.stdio));
    foreign_.config = config;
    foreign_.limits = &limits_;
    foreign_.pid_slot = request.pid_slot;
}

}  // namespace syspulse::plugin_host
