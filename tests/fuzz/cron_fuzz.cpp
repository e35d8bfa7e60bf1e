// Any text either is refused with a message or gives firing times that move forward.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "model/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace syspulse;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto schedule = model::Schedule::parse(text, "Europe/Berlin");
    if (!schedule) {
        SYSPULSE_ASSERT(!schedule.error().message.empty(), "a refusal says why");
        return 0;
    }
    // Just before the clocks go back in 2026.
    WallTime moment = from_unix_ms(1'792'886'000'000);
    for (int i = 0; i < 4; ++i) {
        const auto fired = schedule->next(moment, moment);
        if (!fired) break;
        SYSPULSE_ASSERT(*fired > moment, "next() is strictly after the given moment");
        moment = *fired;
    }
    return 0;
}
