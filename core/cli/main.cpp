// The program `syspulse`: the real world for the commands.
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "cli/api_connection.hpp"
#include "cli/failure.hpp"
#include "cli/plugin_files.hpp"
#include "cli/run.hpp"
#include "config/json_schema.hpp"
#include "conformance/kit.hpp"
#include "keeper/keeper.hpp"
#include "manager/entry.hpp"
#include "manager/known_plugins.hpp"
#include "model/schedule_zone.hpp"
#include "platform/clock.hpp"
#include "platform/data_dir.hpp"
#include "platform/file_trust.hpp"
#include "platform/terminal.hpp"
#include "platform/this_process.hpp"
#include "platform/users.hpp"
#include "plugin_host/isolation/host_main.hpp"

int main(int argc, char** argv) {
    using namespace syspulse;
    platform::hold_missing_standard_streams();
    if (keeper::is_keeper_process()) {
        keeper::become_own_keeper(argv);
        return keeper::keep(argv);
    }
    const std::vector<std::string> words(argv, argv + argc);
    if (conformance::is_kit_case(words)) return conformance::run_kit_case(words);
    if (plugin_host::is_plugin_host(words))
        return plugin_host::run_plugin_host(words, config::options_completer());
    std::ios::sync_with_stdio(false);
    const auto installed = platform::program_path().parent_path().parent_path();
    model::use_zone_database((installed / model::zone_database_place).string());
    const auto environment = platform::process_environment();
    const auto clock = platform::make_system_clock();
    const platform::TerminalInfo terminal = platform::standard_output();
    // no-color.org: any value but the empty one.
    const bool colors_unwanted = !environment("NO_COLOR").value_or("").empty();
    const bool dumb = environment("TERM").value_or("") == "dumb";

    cli::Context context(std::cin, std::cout, std::cerr);
    context.terminal = {terminal.is_terminal && !colors_unwanted && !dumb, terminal.columns};
    context.connect = cli::connect_to_manager;
    context.watch_manager = cli::watch_manager;
    context.environment = environment;
    context.user_exists = [](std::string_view name) {
        return platform::user_exists(std::string(name));
    };
    context.may_follow = platform::check_spec_file;
    context.is_root = platform::is_root;
    context.may_become = platform::may_become;
    context.complete_options = manager::use_system_words;
    context.now = [&] { return clock->now(); };
    context.pause = [](Duration duration) { std::this_thread::sleep_for(duration); };
    context.load_plugins = cli::load_plugin_files;
    context.plugin_templates = installed / "share" / "syspulse" / "templates";
    context.run_daemon = manager::run_daemon;
    context.run_up = manager::run_up;
    context.install_service = manager::install_service;
    context.uninstall_service = manager::uninstall_service;
    context.run_service = [](const manager::ServiceOptions& options) {
        return manager::run_service(options, [](const manager::Refusal& refusal) {
            return static_cast<int>(cli::failure_of(refusal).exit);
        });
    };
    context.check_plugin = conformance::run_kit;
    context.explain_item = conformance::explain;
    context.is_bundled = manager::is_bundled;
    return cli::run(context, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
