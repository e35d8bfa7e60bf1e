#include "plugin_host/plugin_catalog.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "base/path_text.hpp"
#include "platform/file_trust.hpp"
#include "platform/library_file.hpp"
#include "plugin_host/isolation/policy.hpp"
#include "plugin_host/isolation/remote_slots.hpp"
#include "plugin_host/isolation/scan.hpp"
#include "plugin_host/loaded_kind.hpp"
#include "plugin_host/module_check.hpp"
#include "plugin_host/module_loader.hpp"

namespace syspulse::plugin_host {
namespace {

std::string kind_text(KindType type) {
    return type == KindType::driver ? "driver" : "checker";
}

// A bundled plugin that is not to be isolated needs no look: it is loaded at once.
bool stays_inside(const std::filesystem::path& file, const IsolationOptions& isolation) {
    if (!isolation.bundled || !isolation.bundled(file)) return false;
    PluginInfo info;
    info.path = file;
    info.id = "syspulse." + file.stem().string();
    info.bundled = true;
    return !isolation.policy(info).isolated;
}

}  // namespace

PluginCatalog::PluginCatalog() = default;
PluginCatalog::~PluginCatalog() = default;

void PluginCatalog::load_directory(const std::filesystem::path& directory,
                                   const SchemaCheck& schema_check,
                                   const IsolationOptions* isolation) {
    std::error_code failure;
    if (!std::filesystem::exists(directory, failure)) return;
    std::vector<std::filesystem::path> files;
    // What cannot be loaded is named as what can.
    const auto whole = absolute_path(directory, failure).make_preferred();
    for (std::filesystem::directory_iterator at(failure ? directory : whole, failure), end;
         !failure && at != end; at.increment(failure)) {
        if (at->path().extension() == platform::library_extension) files.push_back(at->path());
    }
    if (failure) {
        log::warn("cannot read plugin directory " + directory.string() + ": " + failure.message());
    }
    std::sort(files.begin(), files.end());
    std::vector<std::filesystem::path> foreign;
    for (const auto& file : files) {
        if (isolation != nullptr && !stays_inside(file, *isolation)) {
            foreign.push_back(file);
        } else {
            const auto trusted = platform::trusted_file(file);
            note(file, trusted ? admit(*trusted, schema_check, isolation != nullptr)
                               : Result<void>(trusted.error()));
        }
    }
    if (!foreign.empty()) load_foreign(foreign, schema_check, *isolation);
}

// All of them are looked at at the same time.
void PluginCatalog::load_foreign(const std::vector<std::filesystem::path>& files,
                                 const SchemaCheck& schema_check,
                                 const IsolationOptions& isolation) {
    std::vector<std::filesystem::path> trusted;
    for (const auto& file : files) {
        const auto path = platform::trusted_file(file);
        if (!path) {
            note(file, path.error());
        } else if (!has(*path)) {
            trusted.push_back(*path);
        }
    }
    std::vector<std::uint64_t> stamps;
    for (const auto& file : trusted) stamps.push_back(platform::file_stamp(file));
    auto scanned = scan_files(isolation.program, trusted, schema_check, isolation.scan_limit);
    for (std::size_t i = 0; i < trusted.size(); ++i) {
        if (scanned[i]) scanned[i]->file_stamp = stamps[i];
        note(trusted[i], admit_scanned(trusted[i], std::move(scanned[i]), schema_check, isolation));
    }
}

Result<void> PluginCatalog::admit_scanned(const std::filesystem::path& file,
                                          Result<PluginInfo> scanned,
                                          const SchemaCheck& schema_check,
                                          const IsolationOptions& isolation) {
    if (!scanned) return scanned.error();
    if (has(file)) return {};
    PluginInfo info = *std::move(scanned);
    info.path = file;
    info.bundled = isolation.bundled && isolation.bundled(file);
    const IsolationPolicy policy = isolation.policy(info);
    info.isolated = policy.isolated;
    info.banished = policy.banished;
    if (!info.isolated) {
        const LoopCall mark(calls_, calls_ == nullptr ? 0 : number_of_plugin(*calls_, info.id),
                            "load");
        return admit(file, schema_check, info.bundled);
    }
    std::vector<std::unique_ptr<LoadedKind>> kinds;
    for (const KindInfo& kind : info.kinds) {
        auto made = std::make_unique<LoadedKind>();
        made->info = kind;
        made->plugin_id = info.id;
        provide_remote_slots(*made);
        kinds.push_back(std::move(made));
    }
    return enter(std::move(info), std::move(kinds));
}

Result<void> PluginCatalog::load_file(const std::filesystem::path& file,
                                      const SchemaCheck& schema_check) {
    const auto trusted = platform::trusted_file(file);
    const Result<void> admitted =
        trusted ? admit(*trusted, schema_check) : Result<void>(trusted.error());
    if (admitted) return {};
    note(file, admitted);
    return admitted.error().with("cannot load plugin " + file.string());
}

// Lists what could not be loaded.
void PluginCatalog::note(const std::filesystem::path& file, const Result<void>& admitted) {
    if (admitted) return;
    PluginInfo info;
    info.path = file;
    info.error = admitted.error().with("cannot load plugin " + file.string()).message;
    log::debug(info.error);
    plugins_.push_back(std::move(info));
}

bool PluginCatalog::has(const std::filesystem::path& file) const {
    return std::any_of(plugins_.begin(), plugins_.end(), [&](const PluginInfo& plugin) {
        return plugin.loaded() && plugin.path == file;
    });
}

Result<void> PluginCatalog::admit(const std::filesystem::path& file,
                                  const SchemaCheck& schema_check, bool bundled) {
    // The same file by another name or from another search path is not an error.
    if (has(file)) return {};
    const std::uint64_t stamp = platform::file_stamp(file);
    // Those that come with the program are replaced by its installer, which is trusted to do that.
    const auto module = load_module(file, !bundled);
    if (!module) return module.error();
    auto checked = check_module(*module, schema_check);
    if (!checked) return checked.error();
    checked->info.path = file;
    checked->info.bundled = bundled;
    checked->info.file_stamp = stamp;
    return enter(std::move(checked->info), std::move(checked->kinds));
}

Result<void> PluginCatalog::enter(PluginInfo info, std::vector<std::unique_ptr<LoadedKind>> kinds) {
    for (const auto& plugin : plugins_) {
        if (!plugin.loaded() || plugin.id != info.id) continue;
        return Error{ErrorCode::already_exists,
                     "its id " + plugin.id + " is the one of " + plugin.path.string() + " already"};
    }
    for (const auto& kind : kinds) {
        const LoadedKind* const first = find(kind->info.type, kind->info.name);
        if (first == nullptr) continue;
        return Error{ErrorCode::already_exists, kind_text(kind->info.type) + " " + kind->info.name +
                                                    " is provided by plugin " + first->plugin_id +
                                                    " already"};
    }
    plugins_.push_back(std::move(info));
    std::move(kinds.begin(), kinds.end(), std::back_inserter(kinds_));
    return {};
}

std::vector<LoadedKind*> PluginCatalog::kinds_of(std::string_view plugin_id) {
    std::vector<LoadedKind*> kinds;
    for (const auto& kind : kinds_) {
        if (kind->plugin_id == plugin_id) kinds.push_back(kind.get());
    }
    return kinds;
}

void PluginCatalog::update(const PluginInfo& info) {
    for (PluginInfo& plugin : plugins_) {
        if (!plugin.loaded() || plugin.id != info.id) continue;
        plugin.version = info.version;
        plugin.vendor = info.vendor;
        plugin.sdk = info.sdk;
        plugin.kinds = info.kinds;
    }
    for (LoadedKind* const kind : kinds_of(info.id)) {
        for (const KindInfo& fresh : info.kinds) {
            if (fresh.type == kind->info.type && fresh.name == kind->info.name) kind->info = fresh;
        }
    }
}

const LoadedKind* PluginCatalog::find(KindType type, std::string_view name) const {
    for (const auto& kind : kinds_) {
        if (kind->info.type == type && kind->info.name == name) return kind.get();
    }
    return nullptr;
}

const KindInfo* PluginCatalog::driver(std::string_view name) const {
    const LoadedKind* const kind = find(KindType::driver, name);
    return kind == nullptr ? nullptr : &kind->info;
}

const KindInfo* PluginCatalog::checker(std::string_view name) const {
    const LoadedKind* const kind = find(KindType::checker, name);
    return kind == nullptr ? nullptr : &kind->info;
}

std::vector<std::string> PluginCatalog::names(KindType type) const {
    std::vector<std::string> names;
    for (const auto& kind : kinds_) {
        if (kind->info.type == type) names.push_back(kind->info.name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace syspulse::plugin_host
