#include "base/signals.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace syspulse {
namespace {

struct Entry {
    std::string_view name;
    std::int32_t number;
};

// Linux numbers on x86-64 and aarch64 (signal(7)); glibc keeps 32 and 33 for itself.
constexpr std::int32_t first_realtime = 34;
constexpr std::int32_t last_signal = 64;
constexpr std::array<Entry, 33> entries{{
    {"HUP", 1},   {"INT", 2},     {"QUIT", 3},  {"ILL", 4},     {"TRAP", 5},  {"ABRT", 6},
    {"BUS", 7},   {"FPE", 8},     {"KILL", 9},  {"USR1", 10},   {"SEGV", 11}, {"USR2", 12},
    {"PIPE", 13}, {"ALRM", 14},   {"TERM", 15}, {"STKFLT", 16}, {"CHLD", 17}, {"CONT", 18},
    {"STOP", 19}, {"TSTP", 20},   {"TTIN", 21}, {"TTOU", 22},   {"URG", 23},  {"XCPU", 24},
    {"XFSZ", 25}, {"VTALRM", 26}, {"PROF", 27}, {"WINCH", 28},  {"IO", 29},   {"PWR", 30},
    {"SYS", 31},  {"IOT", 6},     {"POLL", 29},
}};

std::optional<std::int32_t> parse_number(std::string_view text) {
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::int32_t> parse_signal(std::string_view name) {
    if (const auto number = parse_number(name)) {
        if (*number < 1 || *number > last_signal) return std::nullopt;
        return number;
    }
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string_view plain = upper;
    if (plain.starts_with("SIG")) plain.remove_prefix(3);
    const auto* found = std::find_if(entries.begin(), entries.end(),
                                     [&](const Entry& e) { return e.name == plain; });
    if (found != entries.end()) return found->number;
    if (plain == "RTMIN") return first_realtime;
    if (plain == "RTMAX") return last_signal;
    if (plain.starts_with("RTMIN+")) {
        const auto offset = parse_number(plain.substr(6));
        if (offset && *offset >= 0 && first_realtime + *offset <= last_signal)
            return first_realtime + *offset;
    }
    return std::nullopt;
}

std::string signal_name(std::int32_t number) {
    const auto* found = std::find_if(entries.begin(), entries.end(),
                                     [&](const Entry& e) { return e.number == number; });
    if (found != entries.end()) return "SIG" + std::string(found->name);
    if (number >= first_realtime && number <= last_signal) {
        return number == first_realtime ? "SIGRTMIN"
                                        : "SIGRTMIN+" + std::to_string(number - first_realtime);
    }
    return "SIG" + std::to_string(number);
}

}  // namespace syspulse
