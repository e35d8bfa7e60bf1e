// The small parsers of words that people and stored rows give: durations, timestamps, signal names,
// states and name patterns. What is accepted must survive being printed and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "base/signals.hpp"
#include "base/time.hpp"
#include "model/name_pattern.hpp"
#include "model/state.hpp"
#include "scratch.hpp"

namespace {

using namespace syspulse;

void check_times(std::string_view text) {
    if (const auto length = parse_duration(text)) {
        SYSPULSE_ASSERT(*length >= Duration{0}, "a length of time is not negative");
        static_cast<void>(format_duration(*length));
    }
    if (const auto moment = parse_rfc3339(text)) {
        const auto again = parse_rfc3339(format_rfc3339(*moment));
        SYSPULSE_ASSERT(again && *again == *moment, "a timestamp reads back as it was");
    }
}

void check_words(std::string_view text) {
    static_cast<void>(parse_signal(text));
    static_cast<void>(model::parse_state(text));
    static_cast<void>(model::parse_health(text));
    static_cast<void>(model::parse_target(text));
}

}  // namespace

// The text, or a pattern and a name separated by a newline.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    check_times(text);
    check_words(text);
    const std::string_view pattern = fuzz::take_until(text, '\n');
    static_cast<void>(model::matches_pattern(pattern, text));
    return 0;
}
