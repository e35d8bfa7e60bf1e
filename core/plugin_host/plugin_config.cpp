#include "plugin_host/plugin_config.hpp"

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

struct sysp_config {
    nlohmann::json document;
    mutable std::mutex mutex;
    // Texts handed out by cfg_json; they must live as long as the configuration.
    mutable std::map<std::string, std::string, std::less<>> texts;
};

// Nothing may throw across the ABI: a failed allocation in here ends the process, as it does
// everywhere else in the core.
namespace syspulse::plugin_host {
namespace {

using nlohmann::json;

// The value at `path`, or null. Malformed pointers find nothing.
const json* find(const sysp_config* config, const char* path) {
    if (config == nullptr || path == nullptr) return nullptr;
    try {
        const json::json_pointer pointer{std::string(path)};
        if (!config->document.contains(pointer)) return nullptr;
        return &config->document.at(pointer);
    } catch (const std::exception&) {
        return nullptr;
    }
}

template <class Out, class Read>
sysp_status read_value(const sysp_config* config, const char* path, Out* out, Read read) {
    if (out == nullptr) return SYSP_E_INVALID;
    const json* const value = find(config, path);
    if (value == nullptr) return SYSP_E_NOT_FOUND;
    return read(*value, *out) ? SYSP_OK : SYSP_E_INVALID;
}

sysp_status SYSP_CALL cfg_str(const sysp_config* config, const char* path, sysp_str* out) noexcept {
    return read_value(config, path, out, [](const json& value, sysp_str& text) {
        if (!value.is_string()) return false;
        const auto& found = value.get_ref<const std::string&>();
        text = {found.c_str(), found.size()};
        return true;
    });
}

sysp_status SYSP_CALL cfg_i64(const sysp_config* config, const char* path,
                              std::int64_t* out) noexcept {
    return read_value(config, path, out, [](const json& value, std::int64_t& number) {
        if (!value.is_number_integer()) return false;
        number = value.get<std::int64_t>();
        return true;
    });
}

sysp_status SYSP_CALL cfg_f64(const sysp_config* config, const char* path, double* out) noexcept {
    return read_value(config, path, out, [](const json& value, double& number) {
        if (!value.is_number()) return false;
        number = value.get<double>();
        return true;
    });
}

sysp_status SYSP_CALL cfg_bool(const sysp_config* config, const char* path,
                               std::int32_t* out) noexcept {
    return read_value(config, path, out, [](const json& value, std::int32_t& flag) {
        if (!value.is_boolean()) return false;
        flag = value.get<bool>() ? 1 : 0;
        return true;
    });
}

sysp_status SYSP_CALL cfg_count(const sysp_config* config, const char* path,
                                std::size_t* out) noexcept {
    return read_value(config, path, out, [](const json& value, std::size_t& count) {
        if (!value.is_structured()) return false;
        count = value.size();
        return true;
    });
}

sysp_status SYSP_CALL cfg_json(const sysp_config* config, const char* path,
                               sysp_str* out) noexcept {
    return read_value(config, path, out, [config, path](const json& value, sysp_str& text) {
        const std::lock_guard lock(config->mutex);
        auto found = config->texts.find(path);
        if (found == config->texts.end()) found = config->texts.emplace(path, value.dump()).first;
        text = {found->second.c_str(), found->second.size()};
        return true;
    });
}

}  // namespace

void PluginConfig::Deleter::operator()(sysp_config* config) const {
    delete config;
}

Result<PluginConfig> PluginConfig::parse(std::string_view text) {
    PluginConfig config;
    config.config_.reset(new sysp_config);
    config.config_->document = text.empty() ? json::object() : json::parse(text, nullptr, false);
    if (config.config_->document.is_discarded()) {
        return Error{ErrorCode::invalid_argument, "the options of the plugin are not JSON"};
    }
    return config;
}

std::string config_text(const sysp_config* config) {
    return config == nullptr ? std::string() : config->document.dump();
}

void provide_config_access(sysp_host& host) {
    static_assert(noexcept(cfg_str({}, {}, {}))&& noexcept(cfg_i64({}, {}, {}))&& noexcept(cfg_f64(
        {}, {}, {}))&& noexcept(cfg_bool({}, {},
                                         {}))&& noexcept(cfg_count({}, {},
                                                                   {}))&& noexcept(cfg_json({}, {},
                                                                                            {})));
    host.cfg_str = cfg_str;
    host.cfg_i64 = cfg_i64;
    host.cfg_f64 = cfg_f64;
    host.cfg_bool = cfg_bool;
    host.cfg_count = cfg_count;
    host.cfg_json = cfg_json;
}

}  // namespace syspulse::plugin_host
