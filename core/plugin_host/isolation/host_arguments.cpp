#include "plugin_host/isolation/host_arguments.hpp"
#include "base/path_text.hpp"

#include <charconv>

namespace syspulse::plugin_host {
namespace {

constexpr std::size_t serve_count = 7;

bool read(const std::string& text, std::uint64_t& number) {
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end;
}

}  // namespace

std::vector<std::string> serve_arguments(const std::filesystem::path& plugin,
                                         const IsolationPolicy& policy) {
    return {host_program_name,
            "serve",
            plugin.string(),
            policy.user,
            policy.group,
            std::to_string(policy.max_memory_bytes),
            std::to_string(policy.max_open_files)};
}

std::vector<std::string> scan_arguments(const std::filesystem::path& plugin) {
    return {host_program_name, "scan", plugin.string()};
}

std::optional<HostArguments> parse_host_arguments(const std::vector<std::string>& arguments) {
    HostArguments parsed;
    if (arguments.size() == 3 && arguments[1] == "scan") {
        parsed.scan = true;
        parsed.plugin = path_from_utf8(arguments[2]);
        return parsed;
    }
    if (arguments.size() != serve_count || arguments[1] != "serve") return std::nullopt;
    parsed.plugin = path_from_utf8(arguments[2]);
    parsed.policy.user = arguments[3];
    parsed.policy.group = arguments[4];
    if (!read(arguments[5], parsed.policy.max_memory_bytes)) return std::nullopt;
    if (!read(arguments[6], parsed.policy.max_open_files)) return std::nullopt;
    return parsed;
}

}  // namespace syspulse::plugin_host
