#include "config/spec_loader.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "base/path_text.hpp"
#include "config/document_builder.hpp"
#include "config/known_keys.hpp"
#include "config/place.hpp"
#include "config/readers.hpp"
#include "config/spec_reader.hpp"
#include "config/suggest.hpp"
#include "config/windows_names.hpp"

namespace syspulse::config {
namespace {

constexpr std::string_view request_name;  // Requests have no file; positions are JSON pointers.

// Reads documents one after the other and then checks what concerns all of them.
class Loader {
  public:
    explicit Loader(const LoadOptions& options)
        : options_(options),
          drivers_("driver", options.plugins != nullptr ? &options.plugins->drivers : nullptr, {},
                   not_loaded(options)),
          checkers_("checker", options.plugins != nullptr ? &options.plugins->checkers : nullptr,
                    options.try_checker, not_loaded(options)) {}

    void add_yaml(const SpecText& source);
    void add_json(std::string_view json);
    void add_error(std::string_view file, std::string message, bool denied = false);
    LoadResult finish();

  private:
    static std::size_t not_loaded(const LoadOptions& options) {
        return options.plugins == nullptr ? 0 : options.plugins->not_loaded;
    }

    struct Entry {
        ReadDaemon daemon;
        std::size_t file = 0;  // Index into files_ and issues_.
    };

    std::size_t open(std::string_view file);
    void read_document(const Value& root, std::size_t file, const std::filesystem::path& base);
    void take_plugins(const Member& member, std::size_t file);
    void check_plugins();
    void check_unique();
    void check_case();
    void check_dependencies();
    void check_cycles();
    std::vector<model::DependencyNode> nodes() const;
    bool report_cycle(const std::vector<std::string>& cycle);

    const LoadOptions& options_;
    PluginSet drivers_;
    PluginSet checkers_;
    std::vector<std::string> files_;
    std::vector<Issues> issues_;  // One list per file.
    std::set<std::size_t> denied_;
    std::vector<Entry> entries_;
    std::map<std::string, Value> documents_;
    std::vector<PluginSetting> plugins_;
    std::vector<SpecError> warnings_;
};

std::size_t Loader::open(std::string_view file) {
    files_.emplace_back(file);
    issues_.emplace_back();
    return files_.size() - 1;
}

void Loader::add_error(std::string_view file, std::string message, bool denied) {
    const std::size_t number = open(file);
    if (denied) denied_.insert(number);
    issues_[number].push_back({{}, std::move(message)});
}

void Loader::add_yaml(const SpecText& source) {
    const std::size_t file = open(source.file);
    auto root = read_yaml(source.text, issues_[file]);
    if (!root) return;
    expand_environment(*root, options_.environment, issues_[file]);
    std::error_code error;
    const auto path = absolute_path(path_from_utf8(source.file), error);
    read_document(*root, file, path.parent_path());
    documents_.insert_or_assign(source.file, *std::move(root));
}

void Loader::add_json(std::string_view json) {
    const std::size_t file = open(request_name);
    const Places places = options_.keep_places ? Places::known : Places::unknown;
    if (const auto root = read_json(json, issues_[file], places)) read_document(*root, file, {});
}

void Loader::read_document(const Value& root, std::size_t file, const std::filesystem::path& base) {
    Issues& issues = issues_[file];
    if (root.kind != Value::Kind::map) {
        issues.push_back(
            {root.where, "a spec must be a map with a \"daemons\" block, found " + describe(root)});
        return;
    }
    const Value* daemons = nullptr;
    bool has_plugins = false;
    for (const Member& member : root.members) {
        if (member.key == "daemons") {
            daemons = &member.value;
        } else if (member.key == "plugins") {
            has_plugins = true;
            take_plugins(member, file);
        } else if (!member.key.starts_with("x-")) {
            issues.push_back(
                {member.key_where, "unknown key \"" + member.key + "\"" +
                                       suggestion(member.key, keys::top, "allowed here")});
        }
    }
    if (daemons == nullptr && has_plugins) return;
    if (daemons == nullptr) {
        issues.push_back({root.where, "there is no \"daemons\" block"});
        return;
    }
    if (!require_map("daemons", *daemons, "a map of names to daemons", issues)) return;
    if (daemons->members.empty()) {
        issues.push_back({daemons->where, "\"daemons\" names no daemon"});
    }
    ReadContext context{options_, drivers_, checkers_, issues, base};
    for (const Member& member : daemons->members) {
        entries_.push_back({read_daemon(member, context), file});
    }
}

void Loader::take_plugins(const Member& member, std::size_t file) {
    Issues& issues = issues_[file];
    if (!options_.accepts_plugins) {
        issues.push_back({member.key_where,
                          "\"plugins\" is the manager's own configuration; give the file to "
                          "syspulse daemon --config or syspulse up"});
        return;
    }
    for (PluginSetting& setting : read_plugins(member.value, options_, issues)) {
        setting.file = files_[file];
        plugins_.push_back(std::move(setting));
    }
}

void Loader::check_plugins() {
    if (options_.plugins == nullptr) return;
    for (const SettingIssue& found : check_settings(plugins_, options_.plugins->names)) {
        const PluginSetting& setting = *found.setting;
        if (!found.is_error) {
            warnings_.push_back({setting.file, setting.line, setting.column, found.message});
            continue;
        }
        const auto file = std::find(files_.begin(), files_.end(), setting.file);
        issues_[static_cast<std::size_t>(file - files_.begin())].push_back(
            {{setting.line, setting.column, {}}, found.message});
    }
}

// Inside one file the reader has found duplicates already; here two files may meet.
void Loader::check_unique() {
    std::map<std::string_view, const Entry*> seen;
    for (const Entry& entry : entries_) {
        const auto [found, added] = seen.emplace(entry.daemon.spec.name, &entry);
        if (added) continue;
        const Entry& first = *found->second;
        issues_[entry.file].push_back(
            {entry.daemon.name_where, "the daemon \"" + entry.daemon.spec.name +
                                          "\" is declared already in " + files_[first.file] + ":" +
                                          std::to_string(first.daemon.name_where.line)});
    }
}

// The files of two daemons would be the same.
void Loader::check_case() {
    WindowsNames names;
    for (const auto& node : options_.existing_daemons) names.take(node.name);
    for (const Entry& entry : entries_) {
        auto refusal = names.take(entry.daemon.spec.name);
        if (refusal) issues_[entry.file].push_back({entry.daemon.name_where, *std::move(refusal)});
    }
}

void Loader::check_dependencies() {
    std::set<std::string_view> names;
    for (const Entry& entry : entries_) names.insert(entry.daemon.spec.name);
    for (const auto& node : options_.existing_daemons) names.insert(node.name);
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    for (const Entry& entry : entries_) {
        const model::DaemonSpec& spec = entry.daemon.spec;
        for (std::size_t i = 0; i < spec.depends_on.size(); ++i) {
            const std::string& target = spec.depends_on[i];
            const Position& where = entry.daemon.dependency_where[i];
            if (target == spec.name) {
                issues_[entry.file].push_back(
                    {where, "the daemon \"" + target + "\" depends on itself"});
            } else if (!options_.tolerate_unknown_dependencies && !names.contains(target)) {
                constexpr std::size_t shown_max = 10;
                std::string hint;
                if (candidates.size() <= shown_max) {
                    auto others = candidates;
                    std::erase(others, std::string_view(spec.name));
                    hint = suggestion(target, others, "known");
                }
                issues_[entry.file].push_back(
                    {where, "unknown daemon \"" + target + "\" in \"depends_on\"" + hint});
            }
        }
    }
}

std::vector<model::DependencyNode> Loader::nodes() const {
    std::vector<model::DependencyNode> nodes;
    std::set<std::string_view> declared;
    for (const Entry& entry : entries_) {
        const model::DaemonSpec& spec = entry.daemon.spec;
        if (!declared.insert(spec.name).second) continue;
        nodes.push_back({spec.name, spec.depends_on});
        // Reported already, and would hide longer cycles.
        std::erase(nodes.back().depends_on, spec.name);
    }
    for (const auto& node : options_.existing_daemons) {
        if (!declared.contains(node.name)) nodes.push_back(node);
    }
    return nodes;
}

// Each cycle is reported once and then opened at the reported place, until none is left.
void Loader::check_cycles() {
    auto graph = nodes();
    constexpr int cycles_max = 20;
    for (int i = 0; i < cycles_max; ++i) {
        const auto cycle = model::find_dependency_cycle(graph);
        if (cycle.empty() || !report_cycle(cycle)) return;
        for (auto& node : graph) {
            if (node.name == cycle[0]) std::erase(node.depends_on, cycle[1]);
        }
    }
}

// The cycle is shown at an edge that a file declares; false when no file takes part.
bool Loader::report_cycle(const std::vector<std::string>& cycle) {
    std::string path;
    for (const std::string& name : cycle) path += (path.empty() ? "" : " -> ") + name;
    for (std::size_t i = 0; i + 1 < cycle.size(); ++i) {
        for (const Entry& entry : entries_) {
            const auto& edges = entry.daemon.spec.depends_on;
            if (entry.daemon.spec.name != cycle[i]) continue;
            const auto edge = std::find(edges.begin(), edges.end(), cycle[i + 1]);
            if (edge == edges.end()) continue;
            const auto index = static_cast<std::size_t>(edge - edges.begin());
            issues_[entry.file].push_back(
                {entry.daemon.dependency_where[index], "dependency cycle: " + path});
            return true;
        }
    }
    return false;
}

SpecError to_error(const std::string& file, Issue issue, bool denied) {
    const Position& where = issue.where;
    std::string message = std::move(issue.message);
    if (where.line == 0 && !where.pointer.empty()) message = where.pointer + ": " + message;
    return {file, where.line, where.column, std::move(message), denied};
}

LoadResult Loader::finish() {
    check_plugins();
    check_unique();
    if (options_.windows_files) check_case();
    check_dependencies();
    check_cycles();
    LoadResult result;
    for (std::size_t file = 0; file < files_.size(); ++file) {
        std::vector<SpecError> errors;
        for (Issue& issue : issues_[file])
            errors.push_back(to_error(files_[file], std::move(issue), denied_.contains(file)));
        std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) {
            return std::tie(a.line, a.column) < std::tie(b.line, b.column);
        });
        // What an alias or a merge key repeats is wrong only once, where it is written.
        for (SpecError& error : errors) {
            const bool repeated = !result.errors.empty() && result.errors.back() == error;
            if (!repeated) result.errors.push_back(std::move(error));
        }
    }
    for (Entry& entry : entries_) result.daemons.push_back(std::move(entry.daemon.spec));
    result.documents = std::move(documents_);
    result.plugins = std::move(plugins_);
    result.warnings = std::move(warnings_);
    return result;
}

std::optional<std::string> read_stream(std::istream& stream, const std::string& name,
                                       Loader& loader) {
    // One byte more than allowed is enough for the reader to refuse it.
    std::string text(document_bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (!stream.bad()) return text;
    loader.add_error(name, "cannot read the spec file: input or output error");
    return std::nullopt;
}

// The text, or nothing after having reported why not.
std::optional<std::string> read_file(const std::filesystem::path& path, Loader& loader) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        loader.add_error(path.string(), "cannot read the spec file: it is a directory");
        return std::nullopt;
    }
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        const std::error_code cause(errno != 0 ? errno : EIO, std::generic_category());
        loader.add_error(path.string(),
                         "cannot read the spec file: " + cause.message() + on_separator(path),
                         cause == std::errc::permission_denied);
        return std::nullopt;
    }
    return read_stream(stream, path.string(), loader);
}

}  // namespace

LoadResult load_spec_texts(std::span<const SpecText> texts, const LoadOptions& options) {
    Loader loader(options);
    for (const SpecText& text : texts) loader.add_yaml(text);
    return loader.finish();
}

LoadResult load_spec_text(std::string_view file, std::string_view text,
                          const LoadOptions& options) {
    const SpecText source{std::string(file), std::string(text)};
    return load_spec_texts(std::span(&source, 1), options);
}

LoadResult load_spec_files(std::span<const std::filesystem::path> paths,
                           const LoadOptions& options) {
    Loader loader(options);
    for (const std::filesystem::path& path : paths) {
        if (path == "-" && options.standard_input != nullptr) {
            const std::string name = "<stdin>";
            if (auto text = read_stream(*options.standard_input, name, loader))
                loader.add_yaml({name, *std::move(text)});
            continue;
        }
        const auto allowed = options.may_follow ? options.may_follow(path) : Result<void>();
        if (!allowed) {
            loader.add_error(path.string(), "cannot use the spec file: " + allowed.error().message);
            continue;
        }
        if (auto text = read_file(path, loader)) loader.add_yaml({path.string(), *std::move(text)});
    }
    return loader.finish();
}

LoadResult load_spec_file(const std::filesystem::path& path, const LoadOptions& options) {
    return load_spec_files(std::span(&path, 1), options);
}

SpecError locate(const LoadResult& loaded, std::string_view error) {
    for (const auto& [file, document] : loaded.documents) {
        const Place place = find_place(document, error);
        if (place.found && place.key != "daemons")
            return {file, place.where.line, place.where.column, std::string(place.rest)};
    }
    return {"", 0, 0, std::string(error)};
}

LoadResult load_specs_json(std::string_view json, const LoadOptions& options) {
    Loader loader(options);
    loader.add_json(json);
    return loader.finish();
}

std::string format_error(const SpecError& error) {
    std::string out = error.file;
    if (error.line > 0) {
        out += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
    }
    return out.empty() ? error.message : out + ": " + error.message;
}

std::string format_errors(std::span<const SpecError> errors) {
    std::string out;
    for (const SpecError& error : errors) {
        if (!out.empty()) out += '\n';
        out += format_error(error);
    }
    return out;
}

}  // namespace syspulse::config
