#include "plugin_host/isolation/protocol.hpp"

#include "plugin_host/try_spawn.hpp"

namespace syspulse::plugin_host {
namespace {

const sysp_freeze* freeze_of(const Instance& instance, const LoadedKind& kind) {
    const auto get = kind.driver.get_extension;
    const auto* const table = static_cast<const sysp_freeze*>(
        get == nullptr ? nullptr : get(instance.self, SYSP_EXT_FREEZE));
    const bool usable = table != nullptr && table->freeze != nullptr && table->thaw != nullptr;
    return usable ? table : nullptr;
}

}  // namespace

std::vector<std::string> extensions_of(const Instance& instance, const LoadedKind& kind) {
    std::vector<std::string> offered;
    if (freeze_of(instance, kind) != nullptr) offered.emplace_back(SYSP_EXT_FREEZE);
    if (try_of(kind, instance) != nullptr) offered.emplace_back(SYSP_EXT_TRY);
    return offered;
}

ExtensionSlot extension_slot(const Instance& instance, const LoadedKind& kind,
                             const ExtensionCall& call) {
    if (call.id != SYSP_EXT_FREEZE) return nullptr;
    const sysp_freeze* const table = freeze_of(instance, kind);
    if (table == nullptr) return nullptr;
    switch (static_cast<FreezeFunction>(call.function)) {
        case FreezeFunction::freeze:
            return table->freeze;
        case FreezeFunction::thaw:
            return table->thaw;
    }
    return nullptr;
}

}  // namespace syspulse::plugin_host
