// `syspulse daemon`: the manager in the foreground.
#include "manager/entry.hpp"

#include <filesystem>
#include <memory>
#include <utility>

#include "base/log.hpp"
#include "keeper/link.hpp"
#include "manager/keeping.hpp"
#include "manager/manager_process.hpp"
#include "platform/data_dir.hpp"
#include "platform/signal_watch.hpp"

namespace syspulse::manager {
namespace {

// What a manager that takes another's place reads instead of the file of --config, which somebody
// may have begun to edit: a crash or an upgrade is no moment to find mistakes in it, nor to apply
// it.
void remember_config(const std::filesystem::path& config, const std::filesystem::path& copy) {
    constexpr auto owner_only =
        std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
    std::error_code failed;
    // That of an earlier start would be worse than none.
    std::filesystem::remove(copy, failed);
    if (!failed) std::filesystem::copy_file(config, copy, failed);
    if (!failed) std::filesystem::permissions(copy, owner_only, failed);
    if (!failed) return;
    log::warn("cannot keep a copy of " + config.string() + ": " + failed.message());
    std::error_code ignored;
    std::filesystem::remove(copy, ignored);
}

Outcome serve(const DaemonOptions& options) {
    auto inherited = keeper::Link::inherit();
    if (!inherited) return Refusal{inherited.error()};
    std::unique_ptr<keeper::Link> link = std::move(*inherited);
    if (options.keeper && !link) return keep(options);
    if (const char* const cost = cost_of_no_keeper(); !link && cost != nullptr) log::warn(cost);
    ProcessOptions wanted{options.data_dir, options.socket, options.plugin_dirs, false, {}};
    const auto flag = options.data_dir ? std::optional(options.data_dir->string()) : std::nullopt;
    auto paths = platform::resolve_data_dir(flag, platform::process_environment());
    if (!paths) return Refusal{paths.error()};
    const bool continues = link && link->continues();
    std::error_code ignored;
    const bool copied = continues && std::filesystem::exists(paths->config_copy(), ignored);
    if (options.config) wanted.configs.push_back(copied ? paths->config_copy() : *options.config);
    auto process = ManagerProcess::create(wanted, std::move(link));
    if (!process) return Refusal{process.error()};
    if (options.config && !continues) {
        auto specs = (*process)->load_specs({*options.config});
        if (!specs) return Refusal{specs.error(), true};
        if (auto added = (*process)->conductor().add(*specs, true, "by --config"); !added)
            return Refusal{added.error()};
        remember_config(*options.config, paths->config_copy());
    }
    const auto ran = (*process)->run(true);
    return ran ? Outcome(0) : Outcome(Refusal{ran.error()});
}

}  // namespace

Outcome run_daemon(const DaemonOptions& options) {
    platform::survive_closed_outputs();
    log::set_level(options.quiet     ? log::Level::warn
                   : options.verbose ? log::Level::debug
                                     : log::Level::info);
    return serve(options);
}

}  // namespace syspulse::manager
