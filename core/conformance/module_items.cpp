// M: the file, its one symbol, its descriptor.
#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

#include "conformance/case.hpp"
#include "conformance/library_symbols.hpp"
#include "plugin_host/module_loader.hpp"

namespace syspulse::conformance {
namespace {

constexpr const char* entry_name = "syspulse_plugin_v1";

Verdict loads(Case& c) {
    const auto loaded = c.module();
    return loaded ? pass() : fail(loaded.error().message);
}

Verdict exports_one(Case& c) {
    const auto symbols = read_symbols(c.file());
    if (!symbols) return fail(symbols.error().message);
    std::string others;
    bool entry = false;
    for (const std::string& name : symbols->exported) {
        if (name == entry_name) {
            entry = true;
        } else {
            others += " " + name;
        }
    }
    if (!entry) return fail(std::string("it does not export ") + entry_name);
    if (!others.empty()) return fail("it also exports" + others);
    for (const std::string& name : symbols->needed) {
        if (name.starts_with("sysp_") || name.starts_with("syspulse_")) {
            return fail("it needs " + name + " from the core");
        }
    }
    return pass();
}

using Entry = const sysp_module* SYSP_CALL();

Verdict same_pointer(Case& c) {
    const auto first = c.module();
    if (!first) return skip(first.error().message);
    if (*first == nullptr) return fail("the entry function returned NULL");
    // The loader gives one pointer for one file, so that this asks the very same function.
    std::array<const sysp_module*, 2> seen{};
    std::array<std::thread, 2> threads;
    for (std::size_t i = 0; i < threads.size(); ++i) {
        threads[i] = std::thread([&, i] {
            const auto again = plugin_host::load_module(c.file());
            seen[i] = again ? *again : nullptr;
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const sysp_module* module : seen) {
        if (module != *first) return fail("the entry function returned different pointers");
    }
    return pass();
}

Verdict header_valid(Case& c) {
    const auto loaded = c.module();
    if (!loaded) return skip(loaded.error().message);
    const sysp_module* const module = *loaded;
    if (module == nullptr) return skip("there is no descriptor");
    if (module->magic != SYSP_MAGIC) return fail("magic is " + std::to_string(module->magic));
    if (module->size < sizeof(sysp_module)) return fail("size is " + std::to_string(module->size));
    if (module->abi_major != SYSP_ABI_MAJOR) {
        return fail("abi_major is " + std::to_string(module->abi_major));
    }
    if (module->abi_minor > SYSP_ABI_MINOR) {
        return fail("abi_minor is " + std::to_string(module->abi_minor) +
                    ", newer than this kit knows");
    }
    return pass();
}

// What check_module() says of the part that an item is about.
Verdict descriptor_valid(Case& c, bool slots) {
    const auto loaded = c.module();
    if (!loaded) return skip(loaded.error().message);
    const auto checked = plugin_host::check_module(*loaded, {});
    if (checked) return pass();
    const std::string& why = checked.error().message;
    const bool about_header = why.starts_with("magic") || why.starts_with("size") ||
                              why.starts_with("abi") || why.starts_with("module");
    if (about_header) return skip(why);
    const bool about_slots = why.starts_with("kind") && why.find(".name") == std::string::npos;
    return about_slots == slots ? fail(why) : skip(why);
}

Verdict names_valid(Case& c) {
    return descriptor_valid(c, false);
}

Verdict slots_valid(Case& c) {
    const Verdict verdict = descriptor_valid(c, true);
    if (verdict.outcome != Outcome::pass) return verdict;
    const sysp_module& module = **c.module();
    for (std::size_t i = 0; i < module.kind_count; ++i) {
        if (module.kinds[i]->reserved0 != 0) return fail("reserved0 of a kind is not zero");
    }
    return pass();
}

// The bytes of everything static that the host may have copied.
std::string fingerprint(const sysp_module& module) {
    std::string bytes(reinterpret_cast<const char*>(&module), sizeof module);
    for (std::size_t i = 0; i < module.kind_count; ++i) {
        const sysp_kind& kind = *module.kinds[i];
        bytes.append(reinterpret_cast<const char*>(&kind), sizeof kind);
        const auto size = *static_cast<const std::uint32_t*>(kind.vtbl);
        bytes.append(static_cast<const char*>(kind.vtbl), size);
        bytes.append(kind.config_schema);
    }
    return bytes;
}

Verdict static_unchanged(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    const std::string before = fingerprint(**c.module());
    KitHost host;
    for (const std::string& config : c.configs()) Trial(host, **kind, config).destroy();
    return fingerprint(**c.module()) == before ? pass()
                                               : fail("the descriptor changed while it was used");
}

Verdict loads_quietly(Case& c) {
    const KitHost clock;
    const Usage before = usage();
    const Instant began = clock.now();
    const auto loaded = c.module();
    const Duration took = clock.now() - began;
    if (!loaded) return skip(loaded.error().message);
    const Usage after = usage();
    if (after.threads != before.threads) return fail("loading it starts a thread");
    if (after.descriptors > before.descriptors + 1) return fail("loading it opens descriptors");
    if (took > std::chrono::milliseconds{100}) return warn("loading took " + format_duration(took));
    return pass("loaded in " + format_duration(took));
}

Verdict unknown_extensions(Case& c) {
    const auto loaded = c.module();
    if (!loaded || *loaded == nullptr) return skip("it does not load");
    if ((*loaded)->get_extension == nullptr) return pass("it has no extensions");
    const std::string long_id(4096, 'x');
    for (const char* id : {"", "example.org.no-such/1", "\xff\xfe", long_id.c_str()}) {
        if ((*loaded)->get_extension(id) != nullptr) {
            return fail("it answers for an extension that nobody defined");
        }
    }
    return pass();
}

Verdict floors(Case& c) {
    const auto symbols = read_symbols(c.file());
    if (!symbols) return skip(symbols.error().message);
    return pass(oldest_system(*symbols));
}

Verdict second_copy(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host;
    std::error_code error;
    // Made here, as what stands there already may be another kit's, or a trap.
    const auto folder = std::filesystem::temp_directory_path() /
                        ("syspulse-kit-" + std::to_string(host.now().time_since_epoch().count()));
    if (!std::filesystem::create_directory(folder, error)) {
        return skip("cannot make " + folder.string() + ": " + error.message());
    }
    const auto copy = folder / c.file().filename();
    std::filesystem::copy_file(c.file(), copy, error);
    const std::string not_copied = error ? error.message() : std::string();
    const auto second = plugin_host::load_module(copy);
    std::filesystem::remove_all(folder, error);
    if (!not_copied.empty()) return skip("cannot copy it: " + not_copied);
    if (!second) return fail("a second copy does not load: " + second.error().message);
    const auto checked = plugin_host::check_module(*second, {});
    if (!checked) return fail("a second copy is not sound: " + checked.error().message);
    const Trial one(host, **kind, c.configs().front());
    const Trial two(host, *checked->kinds.front(), c.configs().front());
    return one.created() ? pass() : fail("create fails beside a second copy");
}

Verdict short_host(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host({.short_table = true});
    for (const std::string& config : c.configs()) {
        if (!Trial(host, **kind, config).created()) return fail("create fails");
    }
    return pass();
}

Verdict long_host(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host({.poisoned_tail = true});
    for (const std::string& config : c.configs()) {
        if (!Trial(host, **kind, config).created()) return fail("create fails");
    }
    return pass();
}

constexpr std::array table{
    Item{"M01", 1, Subject::module, "loads with RTLD_NOW|RTLD_LOCAL, no symbol is missing", loads},
    Item{"M02", 1, Subject::module, "exports exactly its entry function, needs nothing of the core",
         exports_one},
    Item{"M03", 1, Subject::module,
         "the entry function returns the same pointer always, also on two threads at once",
         same_pointer},
    Item{"M04", 1, Subject::module, "magic, size, major and minor are valid", header_valid},
    Item{"M05", 1, Subject::module, "id, version and names match their grammar and lengths",
         names_valid},
    Item{"M06", 1, Subject::module,
         "kinds are there and unique, mandatory slots are set, reserved members are zero",
         slots_valid},
    Item{"M07", 2, Subject::kind, "descriptor, tables and schemas never change", static_unchanged},
    Item{"M08", 1, Subject::module, "loading starts no thread, opens nothing and is quick",
         loads_quietly},
    Item{"M09", 1, Subject::module, "unknown and garbage extension ids give NULL",
         unknown_extensions},
    Item{"M10", 1, Subject::module, "reports the oldest C library that it runs with", floors},
    Item{"M11", 4, Subject::kind, "loads and works beside another copy of itself", second_copy},
    Item{"M12", 2, Subject::kind, "touches nothing beyond the size of a host table of ABI 1.0",
         short_host},
    Item{"M13", 2, Subject::kind, "ignores members of the host table that it does not know",
         long_host},
};

}  // namespace

std::span<const Item> module_items() {
    return table;
}

}  // namespace syspulse::conformance
