#include "plugin_host/plugin_catalog.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "platform/file_trust.hpp"
#include "plugin_host/loaded_kind.hpp"
#include "plugin_host/module_check.hpp"
#include "plugin_host/module_loader.hpp"

namespace syspulse::plugin_host {
namespace {

std::string kind_text(KindType type) {
    return type == KindType::driver ? "driver" : "checker";
}

}  // namespace

PluginCatalog::PluginCatalog() = default;
PluginCatalog::~PluginCatalog() = default;

void PluginCatalog::load_directory(const std::filesystem::path& directory,
                                   const SchemaCheck& schema_check) {
    std::error_code failure;
    if (!std::filesystem::exists(directory, failure)) return;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator at(directory, failure), end; !failure && at != end;
         at.increment(failure)) {
        if (at->path().extension() == ".so") files.push_back(at->path());
    }
    if (failure) {
        log::warn("cannot read plugin directory " + directory.string() + ": " + failure.message());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const auto loaded = load_file(file, schema_check);
        if (!loaded) log::warn(loaded.error().message);
    }
}

Result<void> PluginCatalog::load_file(const std::filesystem::path& file,
                                      const SchemaCheck& schema_check) {
    const auto trusted = platform::trusted_file(file);
    const Result<void> admitted =
        trusted ? admit(*trusted, schema_check) : Result<void>(trusted.error());
    if (admitted) return {};
    const Error failure = admitted.error().with("cannot load plugin " + file.string());
    PluginInfo info;
    info.path = file;
    info.error = failure.message;
    plugins_.push_back(std::move(info));
    return failure;
}

Result<void> PluginCatalog::admit(const std::filesystem::path& file,
                                  const SchemaCheck& schema_check) {
    // The same file by another name or from another search path is not an error.
    for (const auto& plugin : plugins_) {
        if (plugin.loaded() && plugin.path == file) return {};
    }
    const auto module = load_module(file);
    if (!module) return module.error();
    auto checked = check_module(*module, schema_check);
    if (!checked) return checked.error();
    for (const auto& plugin : plugins_) {
        if (!plugin.loaded() || plugin.id != checked->info.id) continue;
        return Error{ErrorCode::already_exists,
                     "its id " + plugin.id + " is the one of " + plugin.path.string() + " already"};
    }
    for (const auto& kind : checked->kinds) {
        const LoadedKind* const first = find(kind->info.type, kind->info.name);
        if (first == nullptr) continue;
        return Error{ErrorCode::already_exists, kind_text(kind->info.type) + " " + kind->info.name +
                                                    " is provided by plugin " + first->plugin_id +
                                                    " already"};
    }
    checked->info.path = file;
    plugins_.push_back(std::move(checked->info));
    std::move(checked->kinds.begin(), checked->kinds.end(), std::back_inserter(kinds_));
    return {};
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
