// Whether the options that daemons are declared with suit the plugins that are there now: a plugin
// may have come with another version since they were declared.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "manager/conductor.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

// The kind of that name, or null.
using FindKind =
    std::function<const plugin_host::KindInfo*(plugin_host::KindType type, std::string_view name)>;
using CompleteOptions = plugin_host::OptionsCompletion;

// What of the daemon's options these kinds do not take, "checker tcp: ..."; empty if they take all.
std::string misfit(const model::DaemonSpec& spec, const FindKind& find,
                   const CompleteOptions& complete);

// Why a version is refused: who has options that it does not take, and what of them.
Error unsuited(const plugin_host::PluginInfo& fresh,
               const std::vector<std::pair<std::string, std::string>>& misfits);

// [loop thread]
class OptionFit {
  public:
    OptionFit(Conductor& conductor, plugin_host::PluginHost& plugins);
    ~OptionFit();
    OptionFit(const OptionFit&) = delete;
    OptionFit& operator=(const OptionFit&) = delete;

    // Looks at all daemons, and tells the log of those whose options do not fit.
    void look();
    // It was declared now, and checked.
    void declared(const std::string& name) { misfits_.erase(name); }

    // Empty for one that fits.
    std::string error_of(const std::string& name) const;
    // An error for a daemon that lives and that its driver would not start again.
    Result<void> may_restart(const std::string& name) const;
    std::vector<std::string> warnings() const;

  private:
    Result<void> suits(const plugin_host::PluginInfo& fresh) const;
    void started(const plugin_host::PluginInfo& before, const plugin_host::PluginInfo& fresh,
                 plugin_host::Takeover how);

    Conductor& conductor_;
    plugin_host::PluginHost& plugins_;
    CompleteOptions complete_;
    std::map<std::string, std::string> misfits_;  // By the daemon's name.
};

}  // namespace syspulse::manager
