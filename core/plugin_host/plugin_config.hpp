// A plugin's options, read by JSON Pointer. nlohmann's parser stays behind this header.
#pragma once

#include <syspulse/plugin.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace syspulse::plugin_host {

class PluginConfig {
  public:
    // `json` is validated and has its defaults already; empty means no options.
    static Result<PluginConfig> parse(std::string_view json);

    const sysp_config* get() const { return config_.get(); }

  private:
    struct Deleter {
        void operator()(sysp_config* config) const;
    };
    std::unique_ptr<sysp_config, Deleter> config_;
};

// The whole configuration as JSON.
std::string config_text(const sysp_config* config);

// Fills in the cfg_* functions.
void provide_config_access(sysp_host& host);

}  // namespace syspulse::plugin_host
