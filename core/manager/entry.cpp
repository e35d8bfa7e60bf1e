// `syspulse daemon`: the manager in the foreground.
#include "manager/entry.hpp"

#include <iostream>

#include "base/log.hpp"
#include "manager/exit_code.hpp"
#include "manager/manager_process.hpp"

namespace syspulse::manager {
namespace {

Result<void> serve(const DaemonOptions& options) {
    auto process = ManagerProcess::create({options.data_dir, options.socket, options.plugin_dirs});
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
