// `syspulse daemon`: the manager in the foreground.
#include "manager/entry.hpp"

#include <filesystem>
#include <iostream>
#include <utility>

#include "api/server.hpp"
#include "base/log.hpp"
#include "keeper/keeper.hpp"
#include "keeper/link.hpp"
#include "manager/exit_code.hpp"
#include "manager/manager_process.hpp"
#include "platform/data_dir.hpp"

namespace syspulse::manager {
namespace {

// This process becomes the keeper, and the manager its child. Returns only if it failed.
Error keep(const DaemonOptions& options) {
    const auto flag = options.data_dir ? std::optional(options.data_dir->string()) : std::nullopt;
    auto paths = platform::resolve_data_dir(flag, platform::process_environment());
    if (!paths) return paths.error();
    auto directory = platform::DataDirectory::open(*paths);
    if (!directory) return directory.error();
    const std::string socket =
        std::filesystem::absolute(options.socket.value_or(paths->socket())).string();
    auto address = platform::SocketAddressPath::of(socket);
    if (!address) return address.error();
    auto listener = api::listen_at(address->text());
    if (!listener) return listener.error().with("cannot open the control endpoint " + socket);
    return keeper::run_under_keeper(directory->lock_handle(), *listener, socket);
}

Result<void> serve(const DaemonOptions& options) {
    auto link = keeper::Link::inherit();
    if (options.keeper && !link) return keep(options);
    auto process = ManagerProcess::create({options.data_dir, options.socket, options.plugin_dirs},
                                          std::move(link));
    if (!process) return process.error();
    if (options.config) {
        auto specs = (*process)->load_specs({*options.config});
        if (!specs) return specs.error();
        if (auto added = (*process)->conductor().add(*specs, true, "by --config"); !added)
            return added;
    }
    return (*process)->run(true);
}

}  // namespace

int run_daemon(const DaemonOptions& options) {
    log::set_level(options.quiet     ? log::Level::warn
                   : options.verbose ? log::Level::debug
                                     : log::Level::info);
    const auto served = serve(options);
    if (served) return 0;
    std::cerr << "syspulse: " << served.error().message << '\n';
    return exit_code_of(served.error());
}

}  // namespace syspulse::manager
