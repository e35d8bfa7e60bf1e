// What a plugin says about its options, and options for it: a schema on the first line, the options
// behind it, first as the core checks and completes them, then as a plugin reads them.
#include <syspulse/plugin.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/json_schema.hpp"
#include "plugin_host/plugin_config.hpp"
#include "scratch.hpp"

namespace {

using namespace syspulse;

void read_all(const plugin_host::PluginConfig& config, const char* path) {
    sysp_host host{};
    plugin_host::provide_config_access(host);
    sysp_str text{};
    std::int64_t number = 0;
    double real = 0;
    std::int32_t flag = 0;
    std::size_t count = 0;
    static_cast<void>(host.cfg_str(config.get(), path, &text));
    static_cast<void>(host.cfg_i64(config.get(), path, &number));
    static_cast<void>(host.cfg_f64(config.get(), path, &real));
    static_cast<void>(host.cfg_bool(config.get(), path, &flag));
    static_cast<void>(host.cfg_count(config.get(), path, &count));
    static_cast<void>(host.cfg_json(config.get(), path, &text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string schema(fuzz::take_until(rest, '\n'));
    const std::string options(rest);
    const bool good = config::check_schema(schema).has_value();
    const auto complete = config::complete_options(schema, options);
    if (complete && !good) std::abort();
    const auto config =
        plugin_host::PluginConfig::parse(complete ? std::string_view(*complete) : options);
    if (complete && !config) std::abort();
    if (!config) return 0;
    for (const char* path : {"", "/", "/a", "/a/0", "/~1", "/~"}) read_all(*config, path);
    return 0;
}
