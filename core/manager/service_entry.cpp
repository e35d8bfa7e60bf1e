// `syspulse service`: the manager as a service of the system.
#include <utility>

#include "base/log.hpp"
#include "base/path_text.hpp"
#include "keeper/link.hpp"
#include "manager/entry.hpp"
#include "platform/data_dir.hpp"
#include "platform/system_service.hpp"

namespace syspulse::manager {
namespace {

constexpr const char* log_name = "manager.log";

// Absolute, as services start in a directory of the system's.
std::string path_argument(const std::filesystem::path& path) {
    std::error_code failed;
    const auto absolute = absolute_path(path, failed);
    return (failed ? path : absolute).string();
}

// The words after the program's name that say the same.
std::vector<std::string> command_line(const ServiceOptions& options,
                                      const std::filesystem::path& data_dir) {
    const DaemonOptions& daemon = options.daemon;
    std::vector<std::string> words{"--data-dir", path_argument(data_dir)};
    if (daemon.socket) words.insert(words.end(), {"--socket", daemon.socket->string()});
    if (daemon.verbose) words.emplace_back("--verbose");
    words.insert(words.end(), {"service", "run", "--name", options.name});
    for (const auto& directory : daemon.plugin_dirs)
        words.insert(words.end(), {"--plugin-dir", path_argument(directory)});
    if (daemon.config) words.insert(words.end(), {"--config", path_argument(*daemon.config)});
    return words;
}

// There is no standard error that anybody reads. The directory is made here, as the log is in it.
// One that another manager holds has been found to be ours before that was found, and its log takes
// the lines of both: why this manager does not run is told there, too.
Result<void> open_log(const DaemonOptions& options) {
    const auto flag = options.data_dir ? std::optional(options.data_dir->string()) : std::nullopt;
    const auto paths = platform::resolve_data_dir(flag, platform::process_environment());
    if (!paths) return paths.error();
    const auto directory = platform::DataDirectory::open(*paths);
    const bool is_held = !directory && directory.error().code == ErrorCode::invalid_state;
    if (!directory && !is_held) return directory.error();
    const auto file = platform::open_error_file(paths->directory / log_name);
    if (!file) return is_held ? directory.error() : file.error();
    log::write_to(*file);
    if (is_held) return directory.error();
    return {};
}

}  // namespace

Result<void> install_service(const ServiceOptions& options) {
    const auto data_dir = options.daemon.data_dir.value_or(platform::system_service_data_dir());
    // One that cannot be used would be told to nobody when the service starts.
    const auto paths =
        platform::resolve_data_dir(data_dir.string(), platform::process_environment());
    if (!paths) return paths.error();
    return platform::install_system_service({options.name, command_line(options, data_dir)});
}

Result<void> uninstall_service(const std::string& name) {
    return platform::uninstall_system_service(name);
}

Outcome run_service(const ServiceOptions& options,
                    const std::function<int(const Refusal&)>& code_of) {
    // The service is the keeper; its managers write to the log that it has opened.
    if (keeper::Link::is_offered()) return run_daemon(options.daemon);
    std::optional<Outcome> outcome;
    const auto body = [&] {
        const auto logged = open_log(options.daemon);
        outcome = logged ? run_daemon(options.daemon) : Outcome(Refusal{logged.error()});
        if (const int* const code = std::get_if<int>(&*outcome)) return *code;
        const auto& refusal = std::get<Refusal>(*outcome);
        log::error(refusal.error.message);
        platform::tell_system_log(options.name, refusal.error.message);
        return code_of(refusal);
    };
    const auto ran = platform::run_system_service(options.name, body);
    if (!ran) return Refusal{ran.error()};
    return outcome.value_or(Outcome(*ran));
}

}  // namespace syspulse::manager
