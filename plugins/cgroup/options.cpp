#include "cgroup/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "cgroup/control_file.hpp"
#include "common/process_identity.hpp"

namespace syspulse::plugins::cgroup {
namespace {

constexpr std::uint64_t cpu_period_us = 100'000;

// By number, see capabilities(7).
constexpr std::array<std::string_view, 41> capability_names{"CHOWN",
                                                            "DAC_OVERRIDE",
                                                            "DAC_READ_SEARCH",
                                                            "FOWNER",
                                                            "FSETID",
                                                            "KILL",
                                                            "SETGID",
                                                            "SETUID",
                                                            "SETPCAP",
                                                            "LINUX_IMMUTABLE",
                                                            "NET_BIND_SERVICE",
                                                            "NET_BROADCAST",
                                                            "NET_ADMIN",
                                                            "NET_RAW",
                                                            "IPC_LOCK",
                                                            "IPC_OWNER",
                                                            "SYS_MODULE",
                                                            "SYS_RAWIO",
                                                            "SYS_CHROOT",
                                                            "SYS_PTRACE",
                                                            "SYS_PACCT",
                                                            "SYS_ADMIN",
                                                            "SYS_BOOT",
                                                            "SYS_NICE",
                                                            "SYS_RESOURCE",
                                                            "SYS_TIME",
                                                            "SYS_TTY_CONFIG",
                                                            "MKNOD",
                                                            "LEASE",
                                                            "AUDIT_WRITE",
                                                            "AUDIT_CONTROL",
                                                            "SETFCAP",
                                                            "MAC_OVERRIDE",
                                                            "MAC_ADMIN",
                                                            "SYSLOG",
                                                            "WAKE_ALARM",
                                                            "BLOCK_SUSPEND",
                                                            "AUDIT_READ",
                                                            "PERFMON",
                                                            "BPF",
                                                            "CHECKPOINT_RESTORE"};
constexpr int cap_sys_admin = 21;
constexpr int cap_setpcap = 8;

sdk::Error wrong(const std::string& option, const std::string& what) {
    return {SYSP_E_CONFIG, "/" + option + ": " + what};
}

// "256M": the host has checked the form, not the size.
std::string bytes_of(const std::string& option, const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    constexpr std::string_view units = "KMGT";
    const auto rest = std::string_view{text}.substr(static_cast<std::size_t>(end - text.data()));
    const auto unit = rest.empty() ? units.npos : units.find(rest.front());
    const unsigned shift =
        rest.empty() || unit == units.npos ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
    if (error != std::errc{} || (!rest.empty() && unit == units.npos) ||
        value > (~std::uint64_t{0} >> shift)) {
        throw wrong(option, "\"" + text + "\" is not a number of bytes such as 256M");
    }
    return std::to_string(value << shift);
}

bool has_capability(int capability) {
    const std::string status = read_small_file("/proc/self/status", 8192);
    const auto at = status.find("CapEff:");
    std::uint64_t effective = 0;
    if (at == std::string::npos) return false;
    const auto digits = status.find_first_not_of(" \t", at + 7);
    std::from_chars(status.data() + digits, status.data() + status.size(), effective, 16);
    return ((effective >> capability) & 1) != 0;
}

void add(Options& options, const char* controller, const char* file, std::string value,
         const char* option) {
    options.needs.push_back({controller, option});
    options.settings.push_back({controller, file, std::move(value), option});
}

void refuse_zero(std::uint64_t value, const std::string& option) {
    if (value != 0) return;
    throw sdk::Error{SYSP_E_CONFIG, option + ": nothing can run with 0; leave it out for no limit"};
}

void read_limits(const sysp_limits& limits, Options& options) {
    if ((limits.valid & SYSP_LIMIT_MEMORY) != 0) {
        refuse_zero(limits.memory_bytes, "/resource_limits/max_memory_bytes");
        add(options, "memory", "memory.max", std::to_string(limits.memory_bytes),
            "max_memory_bytes");
    }
    if ((limits.valid & SYSP_LIMIT_CPU) != 0) {
        refuse_zero(limits.cpu_percent, "/resource_limits/max_cpu_percent");
        const std::uint64_t quota = limits.cpu_percent * cpu_period_us / 100;
        add(options, "cpu", "cpu.max", std::to_string(quota) + ' ' + std::to_string(cpu_period_us),
            "max_cpu_percent");
    }
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0) {
        refuse_zero(limits.processes, "/resource_limits/max_processes");
        add(options, "pids", "pids.max", std::to_string(limits.processes), "max_processes");
    }
}

void read_controls(const sdk::Config& config, Options& options) {
    if (config.has("/parent")) options.parent = config.str("/parent");
    if (options.parent.find("..") != std::string::npos)
        throw wrong("parent", "must not lead out of the hierarchy with \"..\"");
    if (config.has("/memory_high")) {
        const std::string high = bytes_of("memory_high", config.str("/memory_high"));
        if (high == "0") throw wrong("memory_high", "nothing gets on with 0; leave it out");
        add(options, "memory", "memory.high", high, "memory_high");
    }
    if (config.has("/memory_swap_max"))
        add(options, "memory", "memory.swap.max",
            bytes_of("memory_swap_max", config.str("/memory_swap_max")), "memory_swap_max");
    if (config.has("/oom_group") && config.flag("/oom_group"))
        add(options, "memory", "memory.oom.group", "1", "oom_group");
    if (config.has("/cpu_weight"))
        add(options, "cpu", "cpu.weight", std::to_string(config.i64("/cpu_weight")), "cpu_weight");
    if (config.has("/io_weight"))
        add(options, "io", "io.weight", std::to_string(config.i64("/io_weight")), "io_weight");
    if (config.has("/cpus")) add(options, "cpuset", "cpuset.cpus", config.str("/cpus"), "cpus");
}

std::uint64_t capability_mask(const std::vector<std::string>& names) {
    std::uint64_t mask = 0;
    for (std::string name : names) {
        if (name.rfind("CAP_", 0) == 0) name.erase(0, 4);
        const auto found = std::find(capability_names.begin(), capability_names.end(), name);
        if (found == capability_names.end())
            throw wrong("capabilities", "\"" + name + "\" is no capability; see capabilities(7)");
        mask |= std::uint64_t{1} << (found - capability_names.begin());
    }
    return mask;
}

void read_confinement(const sdk::Config& config, Options& options) {
    Confinement& confinement = options.confinement;
    confinement.no_new_privs = config.has("/no_new_privs") && config.flag("/no_new_privs");
    confinement.private_tmp = config.has("/private_tmp") && config.flag("/private_tmp");
    if (config.has("/umask")) confinement.umask = std::stoi(config.str("/umask"), nullptr, 8);
    if (config.has("/capabilities")) {
        confinement.capabilities = capability_mask(config.strings("/capabilities"));
        if (!has_capability(cap_setpcap))
            throw wrong("capabilities", "dropping any needs a manager that runs as root");
    }
    options.read_only = config.strings("/read_only_paths");
    for (const std::string& path : options.read_only) {
        if (path.front() != '/' || ::access(path.c_str(), F_OK) != 0)
            throw wrong("read_only_paths", "\"" + path +
                                               "\" is not an absolute path of something "
                                               "that exists");
        if (const auto below = unprotected_below(path)) {
            throw wrong("read_only_paths",
                        "\"" + path + "\" has the mount " + *below +
                            " below it, which would stay writable: that takes Linux 5.12; name "
                            "paths without mounts below them");
        }
    }
    if ((confinement.private_tmp || !options.read_only.empty()) && !has_capability(cap_sys_admin)) {
        throw wrong(confinement.private_tmp ? "private_tmp" : "read_only_paths",
                    "a mount namespace needs a manager that runs as root with CAP_SYS_ADMIN");
    }
}

}  // namespace

sdk::Schema options_schema() {
    using sdk::Option;
    sdk::Schema schema;
    const auto text = [] { return Option::string().optional(); };
    const auto list = [] { return Option::list_of(Option::string().length(1, 4096)).optional(); };
    schema.add("parent",
               text()
                   .pattern("^[A-Za-z0-9_.@:/-]+$")
                   .length(1, 1024)
                   .describe("The cgroup below which runs get theirs, below the mount point"));
    schema.add("memory_high",
               text().format("bytes").describe("Memory above which it is slowed down"));
    schema.add("memory_swap_max", text().format("bytes").describe("Most swap"));
    schema.add("oom_group", Option::boolean().by_default(false).describe(
                                "Out of memory ends all of the run instead of one process"));
    schema.add("cpu_weight", Option::integer().optional().range(1, 10000).describe(
                                 "Share of contended CPU; 100 is usual"));
    schema.add("io_weight", Option::integer().optional().range(1, 10000).describe(
                                "Share of contended block I/O; 100 is usual"));
    schema.add("cpus", text()
                           .pattern("^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$")
                           .describe("CPUs that it may run on, such as 0-3,8"));
    schema.add("no_new_privs", Option::boolean().by_default(false).describe(
                                   "No set-user-ID program gains it anything"));
    schema.add("capabilities", list().describe("The only capabilities it can ever have"));
    schema.add("umask", text().pattern("^0?[0-7]{3}$").describe("Mode bits that new files lack"));
    schema.add("private_tmp",
               Option::boolean().by_default(false).describe("Empty /tmp and /var/tmp of its own"));
    schema.add("read_only_paths", list().describe("Paths below which it cannot write"));
    return schema;
}

Options read_options(const sdk::Config& config, const sysp_limits& limits) {
    Options options;
    read_limits(limits, options);
    read_controls(config, options);
    read_confinement(config, options);
    for (const std::string& path : options.read_only)
        options.confinement.read_only.push_back(path.c_str());
    return options;
}

void check_ceilings(const std::vector<Setting>& settings, const Subtree& subtree) {
    for (const Setting& setting : settings) {
        if (setting.file != "memory.max" && setting.file != "pids.max") continue;
        const bool unified = subtree.unified_has(setting.controller);
        const std::string* base = subtree.base_of(setting.controller);
        const std::string file =
            unified || setting.file == "pids.max" ? setting.file : "memory.limit_in_bytes";
        const std::uint64_t wanted = std::stoull(setting.value);
        for (std::string above = base == nullptr ? "" : *base; exists(above + "/cgroup.procs");
             above = parent_of(above)) {
            const auto ceiling = read_number(above + '/' + file);
            if (!ceiling || wanted <= *ceiling) continue;
            throw sdk::Error{SYSP_E_CONFIG, "cannot apply " + setting.option + " " + setting.value +
                                                ": the cgroup " + above + " is limited to " +
                                                std::to_string(*ceiling)};
        }
    }
}

}  // namespace syspulse::plugins::cgroup
