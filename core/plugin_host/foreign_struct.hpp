// Reading structs that a plugin made, maybe with an older SDK: members are only ever appended, so a
// copy of the part that both sides know, zero in the rest, is all that the host ever looks at.
#pragma once

#include <syspulse/plugin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

namespace syspulse::plugin_host {

// The size in ABI 1.0: up to the end of the last member that was there. Never changes.
template <class Struct>
constexpr std::size_t first_size = 0;

#define SYSPULSE_FIRST_SIZE(type, last) \
    template <>                         \
    inline constexpr std::size_t first_size<type> = offsetof(type, last) + sizeof(type::last)
SYSPULSE_FIRST_SIZE(sysp_error, message);
SYSPULSE_FIRST_SIZE(sysp_check_result, metric_count);
SYSPULSE_FIRST_SIZE(sysp_spawn_result, keep_count);
SYSPULSE_FIRST_SIZE(sysp_exit, flags);
SYSPULSE_FIRST_SIZE(sysp_stats, tasks);
SYSPULSE_FIRST_SIZE(sysp_checker_vtbl, get_extension);
SYSPULSE_FIRST_SIZE(sysp_driver_vtbl, get_extension);
SYSPULSE_FIRST_SIZE(sysp_kind, reserved0);
SYSPULSE_FIRST_SIZE(sysp_module, get_extension);
#undef SYSPULSE_FIRST_SIZE

// Nothing for NULL and for what is smaller than it ever was.
template <class Struct>
std::optional<Struct> known_part(const Struct* foreign) {
    static_assert(first_size<Struct> > 0, "say what its last member in 1.0 was");
    if (foreign == nullptr || foreign->size < first_size<Struct>) return std::nullopt;
    Struct own{};
    std::memcpy(&own, foreign, std::min<std::size_t>(foreign->size, sizeof own));
    own.size = sizeof own;
    return own;
}

}  // namespace syspulse::plugin_host
