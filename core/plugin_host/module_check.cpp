#include "plugin_host/module_check.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "plugin_host/foreign_struct.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::size_t kind_limit = 64;
constexpr std::size_t name_limit = 32;
constexpr std::size_t id_limit = 128;
constexpr std::size_t text_limit = 1024;
constexpr std::size_t schema_limit = 64 * 1024;

Error wrong(const std::string& field, const std::string& expected, const std::string& got) {
    return {ErrorCode::invalid_argument, field + ": expected " + expected + ", got " + got};
}

Result<std::string> bounded_text(const char* text, std::size_t limit, const std::string& field) {
    if (text == nullptr) return wrong(field, "a text", "NULL");
    const std::size_t length = ::strnlen(text, limit + 1);
    if (length > limit) {
        return wrong(field, "at most " + std::to_string(limit) + " bytes", "more");
    }
    return std::string(text, length);
}

bool is_id(std::string_view text) {
    const auto fits = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    };
    return !text.empty() && std::isalnum(static_cast<unsigned char>(text.front())) != 0 &&
           std::all_of(text.begin(), text.end(), fits);
}

bool is_name(std::string_view text) {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto fits = [lower](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && lower(text.front()) && std::all_of(text.begin(), text.end(), fits);
}

struct Slot {
    const char* name;
    bool present;
};

Result<void> check_slots(std::initializer_list<Slot> slots, const std::string& field) {
    for (const Slot& slot : slots) {
        if (!slot.present) return wrong(field + "." + slot.name, "a function", "NULL");
    }
    return {};
}

// Our own copy of a struct of the plugin. One that is larger than this host knows was built for a
// later minor than the module says.
template <class Struct>
Result<Struct> copied(const Struct& foreign, const std::string& field) {
    constexpr std::size_t least = first_size<Struct>;
    if (foreign.size >= least && foreign.size <= sizeof foreign) return *known_part(&foreign);
    const std::string most = least == sizeof foreign ? "" : " to " + std::to_string(sizeof foreign);
    return wrong(field, std::to_string(least) + most + " bytes", std::to_string(foreign.size));
}

Result<void> take_checker(const sysp_kind& kind, const std::string& field, LoadedKind& taken) {
    const auto table = copied(*static_cast<const sysp_checker_vtbl*>(kind.vtbl), field + ".size");
    if (!table) return table.error();
    const sysp_checker_vtbl& own = *table;
    taken.checker = own;
    return check_slots({{"create", own.create != nullptr},
                        {"destroy", own.destroy != nullptr},
                        {"start", own.start != nullptr},
                        {"cancel", own.cancel != nullptr}},
                       field);
}

Result<void> take_driver(const sysp_kind& kind, const std::string& field, LoadedKind& taken) {
    const auto table = copied(*static_cast<const sysp_driver_vtbl*>(kind.vtbl), field + ".size");
    if (!table) return table.error();
    const sysp_driver_vtbl& own = *table;
    taken.driver = own;
    return check_slots({{"create", own.create != nullptr},
                        {"destroy", own.destroy != nullptr},
                        {"spawn", own.spawn != nullptr},
                        {"recover", own.recover != nullptr},
                        {"signal", own.signal != nullptr},
                        {"inspect", own.inspect != nullptr},
                        {"release", own.release != nullptr}},
                       field);
}

Result<std::string> checked_schema(const char* text, const std::string& field,
                                   const SchemaCheck& schema_check) {
    Result<std::string> schema = bounded_text(text, schema_limit, field);
    if (!schema || !schema_check) return schema;
    if (const auto checked = schema_check(*schema); !checked) return checked.error().with(field);
    return schema;
}

Result<void> take_schemas(const sysp_kind& kind, const std::string& field,
                          const SchemaCheck& schema_check, KindInfo& info) {
    auto config = checked_schema(kind.config_schema, field + ".config_schema", schema_check);
    if (!config) return config.error();
    info.config_schema = *std::move(config);
    if (kind.process_schema == nullptr) return {};
    auto process = checked_schema(kind.process_schema, field + ".process_schema", schema_check);
    if (!process) return process.error();
    info.process_schema = *std::move(process);
    return {};
}

Result<std::unique_ptr<LoadedKind>> take_kind(const sysp_kind& kind, std::string field,
                                              const SchemaCheck& schema_check) {
    auto taken = std::make_unique<LoadedKind>();
    auto name = bounded_text(kind.name, name_limit, field + ".name");
    if (!name) return name.error();
    if (!is_name(*name)) return wrong(field + ".name", "[a-z][a-z0-9-]{0,31}", '"' + *name + '"');
    field += " (" + *name + ")";
    auto summary =
        bounded_text(kind.summary == nullptr ? "" : kind.summary, text_limit, field + ".summary");
    if (!summary) return summary.error();
    const bool driver = kind.type == SYSP_KIND_DRIVER;
    taken->info = {driver ? KindType::driver : KindType::checker,
                   *std::move(name),
                   *std::move(summary),
                   {},
                   {},
                   driver ? kind.enforces : 0};
    if (const auto taken_ok = take_schemas(kind, field, schema_check, taken->info); !taken_ok) {
        return taken_ok.error();
    }
    if (kind.vtbl == nullptr) return wrong(field + ".vtbl", "a function table", "NULL");
    const auto slots = driver ? take_driver(kind, field + ".vtbl", *taken)
                              : take_checker(kind, field + ".vtbl", *taken);
    if (!slots) return slots.error();
    return taken;
}

Result<sysp_module> take_header(const sysp_module* module) {
    if (module == nullptr) return wrong("module", "a descriptor", "NULL");
    if (module->magic != SYSP_MAGIC) {
        return wrong("magic", std::to_string(SYSP_MAGIC), std::to_string(module->magic));
    }
    const auto text = [](unsigned major, unsigned minor) {
        return std::to_string(major) + "." + std::to_string(minor);
    };
    if (module->abi_major != SYSP_ABI_MAJOR) {
        return Error{ErrorCode::unsupported,
                     "abi_major: expected " + std::to_string(SYSP_ABI_MAJOR) + ", got " +
                         std::to_string(module->abi_major) +
                         "; rebuild the plugin with the SDK of this syspulse"};
    }
    if (module->abi_minor > SYSP_ABI_MINOR) {
        return Error{ErrorCode::unsupported,
                     "abi_minor: expected at most " + std::to_string(SYSP_ABI_MINOR) + ", got " +
                         std::to_string(module->abi_minor) + "; it needs ABI " +
                         text(module->abi_major, module->abi_minor) + ", this syspulse has " +
                         text(SYSP_ABI_MAJOR, SYSP_ABI_MINOR) +
                         ": update syspulse, or build the plugin with TARGET_MINOR " +
                         std::to_string(SYSP_ABI_MINOR)};
    }
    return copied(*module, "size");
}

Result<PluginInfo> take_info(const sysp_module& module) {
    PluginInfo info;
    auto id = bounded_text(module.id, id_limit, "id");
    if (!id) return id.error();
    if (!is_id(*id)) return wrong("id", "letters, digits and . _ -", '"' + *id + '"');
    auto version = bounded_text(module.version, text_limit, "version");
    if (!version) return version.error();
    auto vendor = bounded_text(module.vendor == nullptr ? "" : module.vendor, text_limit, "vendor");
    if (!vendor) return vendor.error();
    auto sdk = bounded_text(module.sdk == nullptr ? "" : module.sdk, text_limit, "sdk");
    if (!sdk) return sdk.error();
    info.id = *std::move(id);
    info.version = *std::move(version);
    info.vendor = *std::move(vendor);
    info.sdk = *std::move(sdk);
    info.abi_major = module.abi_major;
    info.abi_minor = module.abi_minor;
    return info;
}

Result<void> add_kind(const sysp_kind* kind, const std::string& field,
                      const SchemaCheck& schema_check, CheckedModule& checked) {
    if (kind == nullptr) return wrong(field, "a kind", "NULL");
    const auto own = copied(*kind, field + ".size");
    if (!own) return own.error();
    const bool known = own->type == SYSP_KIND_CHECKER || own->type == SYSP_KIND_DRIVER;
    if (!known) return {};  // A kind of a later host; the ABI has us skip it.
    auto taken = take_kind(*own, field, schema_check);
    if (!taken) return taken.error();
    for (const auto& other : checked.kinds) {
        if (other->info.name == (*taken)->info.name && other->info.type == (*taken)->info.type) {
            return wrong(field + ".name", "a name of its own", '"' + other->info.name + "\" again");
        }
    }
    (*taken)->plugin_id = checked.info.id;
    checked.info.kinds.push_back((*taken)->info);
    checked.kinds.push_back(*std::move(taken));
    return {};
}

}  // namespace

Result<void> check_info(const PluginInfo& info, const SchemaCheck& schema_check) {
    if (info.id.size() > id_limit || !is_id(info.id)) {
        return wrong("id", "letters, digits and . _ -", '"' + info.id + '"');
    }
    for (const std::string* text : {&info.version, &info.vendor, &info.sdk}) {
        if (text->size() > text_limit) {
            return wrong("version, vendor, sdk", "at most " + std::to_string(text_limit) + " bytes",
                         std::to_string(text->size()));
        }
    }
    if (info.kinds.empty() || info.kinds.size() > kind_limit) {
        return wrong("kind_count", "1 to " + std::to_string(kind_limit),
                     std::to_string(info.kinds.size()));
    }
    for (const KindInfo& kind : info.kinds) {
        const std::string field = "kind \"" + kind.name + '"';
        if (kind.name.size() > name_limit || !is_name(kind.name)) {
            return wrong("kind name", "[a-z][a-z0-9-]{0,31}", '"' + kind.name + '"');
        }
        const auto config = checked_schema(kind.config_schema.c_str(), field, schema_check);
        if (!config) return config.error();
        if (kind.process_schema.empty()) continue;
        const auto process = checked_schema(kind.process_schema.c_str(), field, schema_check);
        if (!process) return process.error();
    }
    return {};
}

Result<CheckedModule> check_module(const sysp_module* module, const SchemaCheck& schema_check) {
    const auto own = take_header(module);
    if (!own) return own.error();
    auto info = take_info(*own);
    if (!info) return info.error();
    if (own->kind_count == 0 || own->kind_count > kind_limit) {
        return wrong("kind_count", "1 to " + std::to_string(kind_limit),
                     std::to_string(own->kind_count));
    }
    if (own->kinds == nullptr) return wrong("kinds", "a list", "NULL");
    CheckedModule checked{*std::move(info), {}};
    for (std::size_t i = 0; i < own->kind_count; ++i) {
        const std::string field = "kinds[" + std::to_string(i) + "]";
        const auto added = add_kind(own->kinds[i], field, schema_check, checked);
        if (!added) return added.error();
    }
    return checked;
}

}  // namespace syspulse::plugin_host
