// The loaded plugins in the words of the spec loader.
#pragma once

#include "config/plugin_settings.hpp"
#include "config/spec_loader.hpp"
#include "manager/accounts.hpp"
#include "model/daemon_spec.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

config::KnownPlugins known_plugins(const plugin_host::PluginCatalog& catalog);

// Whether a plugin that comes with the program has this name, as its kinds have.
bool is_bundled(std::string_view plugin);

// What specs can say on this system, and what is said of the rest.
void use_system_words(config::LoadOptions& options);

// Checks specs against what is there: the plugins, which try the options themselves, and the
// accounts of this machine. All must outlive the options.
config::LoadOptions load_options(const config::KnownPlugins& known,
                                 plugin_host::PluginHost& plugins, Accounts& accounts);

platform::ProcessLimits process_limits(const model::ResourceLimits& limits);

// What a driver is asked about a process, as one text: the same for the same question.
std::string question_of(const model::PluginChoice& driver, const platform::ProcessLimits& limits);

// As config::LoadOptions::try_driver. The plugins must outlive it.
std::function<Result<void>(const model::PluginChoice&, const model::ResourceLimits&)> driver_trial(
    plugin_host::PluginHost& plugins);

// The spec as it may be shown: with the defaults of its plugins' options, and "***" for every
// option that a schema marks as a secret. Options of a plugin that is not there are left out, for
// nobody knows what is secret in them.
model::DaemonSpec without_secrets(const model::DaemonSpec& spec,
                                  const plugin_host::PluginCatalog& catalog);

// Bundled plugins inside this process, all others in their own, unless the settings say otherwise.
plugin_host::IsolationOptions isolation_options(std::vector<config::PluginSetting> settings);

// The search path of plugins: $SYSPULSE_PLUGIN_PATH, then the given directories, then the directory
// that belongs to the installation of the running program, or of the one that is named.
std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& given, const std::filesystem::path& program = {});

}  // namespace syspulse::manager
