#include "manager/known_plugins.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/path_text.hpp"
#include "config/json_schema.hpp"
#include "platform/data_dir.hpp"
#include "platform/system_words.hpp"
#include "platform/this_process.hpp"
#include "platform/users.hpp"
#include "plugin_host/isolation/policy.hpp"

namespace syspulse::manager {
namespace {

// They come with the program and are trusted as far as it is.
constexpr std::array<std::string_view, 6> bundled_names{"cgroup", "command", "http",
                                                        "job",    "posix",   "tcp"};

std::filesystem::path bundled_directory(
    const std::filesystem::path& program = platform::program_path()) {
    if (program.empty()) return {};
    return (program.parent_path().parent_path() / "lib/syspulse/plugins").make_preferred();
}

bool is_in(const std::filesystem::path& file, const std::filesystem::path& directory) {
    std::error_code error;
    return !directory.empty() &&
           std::filesystem::equivalent(file.parent_path(), directory, error) && !error;
}

void apply(const config::PluginSetting& setting, plugin_host::IsolationPolicy& policy) {
    policy.isolated = setting.isolated.value_or(policy.isolated);
    if (!setting.user.empty()) policy.user = setting.user;
    if (!setting.group.empty()) policy.group = setting.group;
    policy.max_memory_bytes = setting.max_memory_bytes.value_or(policy.max_memory_bytes);
    policy.max_open_files = setting.max_open_files.value_or(policy.max_open_files);
    policy.watchdog = setting.watchdog.value_or(policy.watchdog);
    policy.backoff_base = setting.backoff_base.value_or(policy.backoff_base);
    policy.backoff_max = setting.backoff_max.value_or(policy.backoff_max);
    policy.reset_after = setting.reset_after.value_or(policy.reset_after);
    if (setting.max_retries) policy.max_retries = setting.max_retries;
}

void hide_secrets(model::PluginChoice& choice, const std::string* schema) {
    if (schema == nullptr) {
        choice.options_json = "{}";
        return;
    }
    // What the schema does not allow any more is shown as it was declared.
    const auto full = config::complete_options(*schema, choice.options_json);
    choice.options_json = config::redact_options(*schema, full ? *full : choice.options_json);
}

}  // namespace

bool is_bundled(std::string_view plugin) {
    return std::find(bundled_names.begin(), bundled_names.end(), plugin) != bundled_names.end();
}

config::KnownPlugins known_plugins(const plugin_host::PluginCatalog& catalog) {
    config::KnownPlugins known;
    for (const plugin_host::PluginInfo& plugin : catalog.plugins()) {
        if (!plugin.loaded()) ++known.not_loaded;
        known.names.push_back({plugin.id, plugin.path.stem().string(), {}});
        for (const plugin_host::KindInfo& kind : plugin.kinds) {
            known.names.back().kinds.push_back(kind.name);
            if (kind.type == plugin_host::KindType::checker) {
                known.checkers.push_back({kind.name, kind.config_schema});
                known.checkers.back().plugin_id = plugin.id;
                continue;
            }
            config::PluginKind driver{kind.name, kind.process_schema};
            driver.plugin_id = plugin.id;
            driver.enforces_memory = (kind.enforces & plugin_host::limit_memory) != 0;
            driver.enforces_cpu = (kind.enforces & plugin_host::limit_cpu) != 0;
            driver.enforces_open_files = (kind.enforces & plugin_host::limit_open_files) != 0;
            driver.enforces_processes = (kind.enforces & plugin_host::limit_processes) != 0;
            known.drivers.push_back(std::move(driver));
        }
    }
    return known;
}

void use_system_words(config::LoadOptions& options) {
    const platform::SystemWords& words = platform::system_words();
    options.default_driver = words.default_driver;
    options.shell = words.shell;
    options.user_refusal = words.user_refusal;
    options.stop_signals = words.stop_signals;
    options.drivers_elsewhere = words.drivers_elsewhere;
    options.exit_code_most = words.exit_code_most;
    options.windows_files = words.windows_files;
    options.root_directory = words.root_directory;
}

config::LoadOptions load_options(const config::KnownPlugins& known,
                                 plugin_host::PluginHost& plugins, Accounts& accounts) {
    config::LoadOptions options;
    options.plugins = &known;
    // Of an account of which nobody tells anything now, the start will show.
    options.user_exists = [&accounts](std::string_view user) {
        const auto account = accounts.of(std::string(user));
        return !account || account->exists;
    };
    options.is_root = [&accounts](const std::string& user) {
        const auto account = accounts.of(user);
        return account && account->is_root;
    };
    options.may_become = [&accounts](const std::string& user) {
        const auto account = accounts.of(user);
        return !account || account->may_become;
    };
    use_system_words(options);
    options.try_checker = [&plugins](const std::string& checker, const std::string& options_json) {
        return plugins.try_checker(checker, options_json);
    };
    options.try_driver = driver_trial(plugins);
    return options;
}

std::function<Result<void>(const model::PluginChoice&, const model::ResourceLimits&)> driver_trial(
    plugin_host::PluginHost& plugins) {
    return [&plugins](const model::PluginChoice& driver, const model::ResourceLimits& limits) {
        return plugins.try_driver(driver.type, driver.options_json, process_limits(limits));
    };
}

platform::ProcessLimits process_limits(const model::ResourceLimits& limits) {
    return {limits.max_memory_bytes, limits.max_cpu_percent, limits.max_open_files,
            limits.max_processes};
}

std::string question_of(const model::PluginChoice& driver, const platform::ProcessLimits& limits) {
    const auto text = [](const auto& limit) { return limit ? std::to_string(*limit) : "-"; };
    return "driver " + driver.type + ' ' + text(limits.max_memory_bytes) + ' ' +
           text(limits.max_cpu_percent) + ' ' + text(limits.max_open_files) + ' ' +
           text(limits.max_processes) + ' ' + driver.options_json;
}

model::DaemonSpec without_secrets(const model::DaemonSpec& spec,
                                  const plugin_host::PluginCatalog& catalog) {
    model::DaemonSpec shown = spec;
    const plugin_host::KindInfo* const driver = catalog.driver(spec.driver.type);
    hide_secrets(shown.driver, driver == nullptr ? nullptr : &driver->process_schema);
    if (shown.health_check) {
        model::PluginChoice& choice = shown.health_check->checker;
        const plugin_host::KindInfo* const checker = catalog.checker(choice.type);
        hide_secrets(choice, checker == nullptr ? nullptr : &checker->config_schema);
    }
    return shown;
}

plugin_host::IsolationOptions isolation_options(std::vector<config::PluginSetting> settings) {
    plugin_host::IsolationOptions options;
    options.bundled = [directory = bundled_directory()](const std::filesystem::path& file) {
        return is_bundled(file.stem().string()) && is_in(file, directory);
    };
    options.policy = [settings = std::move(settings)](const plugin_host::PluginInfo& plugin) {
        plugin_host::IsolationPolicy policy;
        policy.isolated = !plugin.bundled;
        for (const config::PluginSetting& setting : settings) {
            if (setting.name == plugin.id || setting.name == plugin.path.stem().string()) {
                apply(setting, policy);
            }
        }
        return policy;
    };
    return options;
}

std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& given, const std::filesystem::path& program) {
    std::vector<std::filesystem::path> path;
    const std::string list = platform::process_environment()("SYSPULSE_PLUGIN_PATH").value_or("");
    const char separator = platform::system_words().list_separator;
    std::size_t begin = 0;
    while (begin < list.size()) {
        const std::size_t end = std::min(list.find(separator, begin), list.size());
        if (end > begin) path.push_back(path_from_utf8(list.substr(begin, end - begin)));
        begin = end + 1;
    }
    path.insert(path.end(), given.begin(), given.end());
    const auto bundled = program.empty() ? bundled_directory() : bundled_directory(program);
    if (!bundled.empty()) path.push_back(bundled);
    return path;
}

}  // namespace syspulse::manager
