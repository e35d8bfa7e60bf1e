// The descriptor behind the one exported symbol.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schema.hpp"

namespace syspulse::sdk::detail {

// What one kind points into; lives as long as the OS process.
struct Kind {
    sysp_kind raw{};
    std::string config_schema;
    std::string process_schema;
};

template <class T>
std::unique_ptr<Kind> make_kind(std::int32_t type, const void* vtbl) {
    auto kind = std::make_unique<Kind>();
    kind->config_schema = T::schema().json();
    kind->raw.size = sizeof(sysp_kind);
    kind->raw.type = type;
    kind->raw.name = T::name;
    kind->raw.summary = T::summary;
    kind->raw.vtbl = vtbl;
    return kind;
}

class Module {
  public:
    template <class... Kinds>
    Module(const char* id, const char* version, const char* vendor, Kinds... kinds) {
        (owned_.push_back(std::move(kinds)), ...);
        for (const auto& kind : owned_) {
            kind->raw.config_schema = kind->config_schema.c_str();
            if (!kind->process_schema.empty())
                kind->raw.process_schema = kind->process_schema.c_str();
            pointers_.push_back(&kind->raw);
        }
        raw_.size = sizeof raw_;
        raw_.magic = SYSP_MAGIC;
        raw_.abi_major = SYSP_ABI_MAJOR;
        raw_.abi_minor = SYSP_TARGET_MINOR;
        raw_.id = id;
        raw_.version = version;
        raw_.vendor = vendor;
        raw_.sdk = "c++ 1.0";
        raw_.kinds = pointers_.data();
        raw_.kind_count = pointers_.size();
    }
    const sysp_module* raw() const noexcept { return &raw_; }

  private:
    sysp_module raw_{};
    std::vector<std::unique_ptr<Kind>> owned_;
    std::vector<const sysp_kind*> pointers_;
};

}  // namespace syspulse::sdk::detail

// SYSPULSE_PLUGIN("com.example.thing", "1.0.0", "Example Ltd", sdk::checker<Thing>(), ...)
// The module is never destroyed: the host keeps pointers into it until the OS process ends.
#define SYSPULSE_PLUGIN(id, version, vendor, ...)                                      \
    extern "C" SYSP_EXPORT const sysp_module* SYSP_CALL syspulse_plugin_v1(void) {     \
        try {                                                                          \
            static const auto* const module =                                          \
                new ::syspulse::sdk::detail::Module{id, version, vendor, __VA_ARGS__}; \
            return module->raw();                                                      \
        } catch (...) {                                                                \
            return nullptr;                                                            \
        }                                                                              \
    }                                                                                  \
    static_assert(true, "a semicolon follows")
