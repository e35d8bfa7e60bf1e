#include "plugin_host/try_spawn.hpp"

#include "plugin_host/spawn_arguments.hpp"

namespace syspulse::plugin_host {

const sysp_try* try_of(const LoadedKind& kind, const Instance& instance) {
    const auto get = kind.driver.get_extension;
    const auto* const table =
        static_cast<const sysp_try*>(get == nullptr ? nullptr : get(instance.self, SYSP_EXT_TRY));
    return table == nullptr || table->try_spawn == nullptr ? nullptr : table;
}

Result<void> ask_whether(HostCore& core, Instance& instance, const LoadedKind& kind,
                         const PluginConfig& options, const platform::ProcessLimits& limits) {
    core.keep_secret(instance, kind.info.process_schema, config_text(options.get()));
    return core.call(instance, "try_spawn", [&] {
        const sysp_try* const table = try_of(kind, instance);
        if (table == nullptr) return sysp_status{SYSP_OK};
        const sysp_limits foreign = limits_of(limits, kind.info.enforces);
        return table->try_spawn(instance.self, options.get(), &foreign);
    });
}

platform::ProcessLimits limits_in(const SpawnCall& call) {
    platform::ProcessLimits limits;
    if ((call.limits & SYSP_LIMIT_MEMORY) != 0) limits.max_memory_bytes = call.memory_bytes;
    if ((call.limits & SYSP_LIMIT_CPU) != 0) limits.max_cpu_percent = call.cpu_percent;
    if ((call.limits & SYSP_LIMIT_OPEN_FILES) != 0) limits.max_open_files = call.open_files;
    if ((call.limits & SYSP_LIMIT_PROCESSES) != 0) limits.max_processes = call.processes;
    return limits;
}

platform::SpawnRequest request_of(const SpawnCall& call,
                                  const std::vector<platform::OwnedHandle>& handles) {
    platform::SpawnRequest request;
    request.run_id = call.run_id;
    request.unit = call.unit;
    request.argv = call.argv;
    request.env = call.env;
    request.working_dir = call.cwd;
    request.user = call.user;
    request.limits = limits_in(call);
    std::size_t next = 0;
    for (std::size_t i = 0; i < std::size(request.stdio); ++i) {
        const bool given = (call.stdio & (1U << i)) != 0 && next < handles.size();
        if (given) request.stdio[i] = handles[next++].get();
    }
    return request;
}

void put_limits(const platform::ProcessLimits& limits, SpawnCall& call) {
    const sysp_limits foreign = limits_of(limits, ~std::uint32_t{0});
    call.limits = foreign.valid;
    call.memory_bytes = foreign.memory_bytes;
    call.open_files = foreign.open_files;
    call.processes = foreign.processes;
    call.cpu_percent = foreign.cpu_percent;
}

}  // namespace syspulse::plugin_host
