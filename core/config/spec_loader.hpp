// Spec files and requests into model::DaemonSpec: everything that is wrong is reported in one go,
// each error at its place. The format is described in syspulse.yaml(5).
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/plugin_settings.hpp"
#include "config/value.hpp"
#include "model/daemon_spec.hpp"
#include "model/dependency_graph.hpp"

namespace syspulse::config {

// What the loader must know about one driver or checker.
struct PluginKind {
    std::string name;
    std::string schema_json;  // Of the `with:` block: a driver's process_schema, a checker's
                              // config_schema. Empty: the block must be empty.
    bool enforces_memory = false;
    bool enforces_cpu = false;
    bool enforces_open_files = false;
    bool enforces_processes = false;
    std::string plugin_id{};  // Of the plugin that has it.
};

struct KnownPlugins {
    std::vector<PluginKind> drivers;
    std::vector<PluginKind> checkers;
    std::vector<PluginName> names = {};
    std::size_t not_loaded = 0;  // Files that something unknown may be in.
};

// The options that belong to one file or request. Functions left empty switch their check off.
struct LoadOptions {
    // Null: the types and `with:` blocks are taken unchecked, for callers that cannot know the
    // plugins.
    const KnownPlugins* plugins = nullptr;
    // The driver of a daemon that names none.
    std::string default_driver = "posix";
    // Variables for ${VAR} in YAML; nothing for an unset one. Requests are never expanded.
    std::function<std::optional<std::string>(std::string_view name)> environment;
    std::function<bool(std::string_view user)> user_exists;
    // Whether a manager of this process's user can run daemons as that user.
    std::function<bool(const std::string& user)> may_become;
    // Why no daemon can run as another user; empty where it can.
    std::string user_refusal;
    // How a command has the system's shell run a line.
    std::string shell = R"([sh, -c, "..."])";
    // Signals that stop_signal may name; empty: all.
    std::vector<std::int32_t> stop_signals;
    // Drivers of other systems, and what to say of them.
    std::map<std::string, std::string, std::less<>> drivers_elsewhere;
    // The largest exit code that a process may have.
    std::uint32_t exit_code_most = 255;
    // Whether what names a file must do so by the rules of Windows; see windows_names.hpp.
    bool windows_files = false;
    // What a working_dir of "/" means on Windows, and none at all.
    std::string root_directory = "/";
    // Refuses files whose words must not be followed, whoever may read them.
    std::function<Result<void>(const std::filesystem::path& file)> may_follow;
    // What the path "-" stands for; null: a file of that name.
    std::istream* standard_input = nullptr;
    // Whether a daemon of that user, "" for the manager's own, runs as root.
    std::function<bool(const std::string& user)> is_root;
    // Has a checker take options that its schema allows. Its error begins with the JSON pointer of
    // the option that is wrong, if it is one.
    std::function<Result<void>(const std::string& checker, const std::string& options_json)>
        try_checker;
    // Has a driver take the options and limits of a daemon. As above; the pointer of a limit is
    // "/resource_limits/NAME".
    std::function<Result<void>(const model::PluginChoice& driver,
                               const model::ResourceLimits& limits)>
        try_driver;
    // Daemons that exist already and that depends_on may name. One that the file declares again
    // counts as the file has it.
    std::vector<model::DependencyNode> existing_daemons;
    // Whether the block "plugins" is for this caller; refused otherwise.
    bool accepts_plugins = false;
    // True when there may be daemons that this caller cannot see: names outside are then no error.
    bool tolerate_unknown_dependencies = false;
    // JSON only. False: errors do not tell where they are, and reading costs a third less.
    bool keep_places = true;
};

// Line and column are 1-based; line zero means that the message begins with a JSON pointer instead
// or concerns the file as a whole.
struct SpecError {
    std::string file;
    int line = 0;
    int column = 0;
    std::string message;
    bool denied = false;  // The caller may not read the file.

    bool operator==(const SpecError&) const = default;
};

// `daemons` is in the order of the files and complete only when `errors` is empty.
struct LoadResult {
    std::vector<model::DaemonSpec> daemons;
    std::vector<SpecError> errors;             // In the order of files and lines.
    std::map<std::string, Value> documents{};  // What the files say, by file.
    std::vector<PluginSetting> plugins = {};
    std::vector<SpecError> warnings = {};  // Of what may be meant.
};

// Gives an error about a request that was made of `loaded`, "/daemons/web/...: message", its place
// in the files, as well as that can be told.
SpecError locate(const LoadResult& loaded, std::string_view error);

// A named text, for callers that have read it themselves (standard input).
struct SpecText {
    std::string file;  // For messages; a relative working_dir is taken from its directory.
    std::string text;
};

// YAML. Several texts are one set: names must be unique over all of them, and dependencies may
// cross.
LoadResult load_spec_texts(std::span<const SpecText> texts, const LoadOptions& options);
LoadResult load_spec_text(std::string_view file, std::string_view text, const LoadOptions& options);

LoadResult load_spec_files(std::span<const std::filesystem::path> paths,
                           const LoadOptions& options);
LoadResult load_spec_file(const std::filesystem::path& path, const LoadOptions& options);

// The body of POST /v1/daemons: {"daemons": {"name": {spec}}}. Taken literally: no ${VAR}, no
// relative working_dir, numbers and booleans only where they are allowed.
LoadResult load_specs_json(std::string_view json, const LoadOptions& options);

// "file:line:column: message", one error a line, without a newline at the end.
std::string format_error(const SpecError& error);
std::string format_errors(std::span<const SpecError> errors);

// The keys that the loader accepts, by the block they stand in ("" is the top of the file, "daemon"
// one daemon), so that the JSON Schema and the documentation can be held against them.
struct KeyGroup {
    std::string_view block;
    std::vector<std::string_view> keys;
};
std::vector<KeyGroup> known_keys();

}  // namespace syspulse::config
