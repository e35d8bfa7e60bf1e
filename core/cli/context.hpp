// Everything a command may touch. main.cpp fills it with the real world, tests with their own.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/connection.hpp"
#include "config/spec_loader.hpp"
#include "conformance/kit.hpp"
#include "manager/entry.hpp"

namespace syspulse::cli {

enum class Format { table, json };

struct GlobalOptions {
    std::optional<std::string> data_dir;
    std::optional<std::string> socket;
    Format format = Format::table;
    bool no_color = false;
    bool verbose = false;
    bool quiet = false;
};

// Where human output goes.
struct Terminal {
    bool color = false;
    unsigned columns = 0;  // Zero: not a terminal, nothing is cut.
};

// What the plugin files say, for commands that work without a manager.
struct PluginFiles {
    config::KnownPlugins known;
    std::string json;  // What GET /v1/plugins would give.
    // As config::LoadOptions::try_checker; keeps the plugins.
    std::function<Result<void>(const std::string&, const std::string&)> try_checker = {};
    // As config::LoadOptions::try_driver; keeps the plugins.
    std::function<Result<void>(const model::PluginChoice&, const model::ResourceLimits&)>
        try_driver = {};
    std::vector<std::string> problems = {};  // Why files could not be loaded.
};

struct Context {
    Context(std::istream& input, std::ostream& output, std::ostream& errors)
        : in(input), out(output), err(errors) {}

    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    GlobalOptions globals;
    Terminal terminal;

    // [any thread] Several commands talk over several connections at once.
    std::function<Result<std::unique_ptr<Connection>>(const GlobalOptions&)> connect;
    // Gives a function that returns when the manager's process has ended, or an error where that
    // cannot be told. To be called while the manager answers.
    std::function<Result<std::function<void()>>(const GlobalOptions&)> watch_manager;
    std::function<std::optional<std::string>(std::string_view)> environment;
    std::function<bool(std::string_view)> user_exists;
    std::function<Result<void>(const std::filesystem::path&)> may_follow;
    std::function<bool(const std::string&)> is_root;
    std::function<bool(const std::string&)> may_become;
    // Adds what specs can say on this system.
    std::function<void(config::LoadOptions&)> complete_options;
    std::function<Now()> now;
    std::function<void(Duration)> pause;
    std::function<Result<PluginFiles>(const std::vector<std::string>& plugin_dirs)> load_plugins;
    std::function<bool(std::string_view)> is_bundled;  // Whether a plugin that comes along has it.
    std::filesystem::path plugin_templates;            // Where `plugin new` finds its templates.
    std::function<manager::Outcome(const manager::DaemonOptions&)> run_daemon;
    std::function<manager::Outcome(const manager::UpOptions&)> run_up;
    std::function<Result<void>(const manager::ServiceOptions&)> install_service;
    std::function<Result<void>(const std::string& name)> uninstall_service;
    std::function<manager::Outcome(const manager::ServiceOptions&)> run_service;
    std::function<Result<void>(const conformance::KitOptions&,
                               const std::function<void(const conformance::Finding&)>&)>
        check_plugin;
    std::function<Result<std::string>(std::string_view item)> explain_item;

    bool json() const noexcept { return globals.format == Format::json; }
};

}  // namespace syspulse::cli
