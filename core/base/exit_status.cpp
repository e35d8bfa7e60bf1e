#include "base/exit_status.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/signals.hpp"

namespace syspulse {
namespace {

// NTSTATUS values that end programs.
constexpr std::array<std::pair<std::uint32_t, std::string_view>, 14> endings{{
    {0x80000003, "breakpoint"},
    {0xC0000005, "access violation"},
    {0xC0000006, "page could not be read"},
    {0xC0000017, "no memory"},
    {0xC000001D, "illegal instruction"},
    {0xC0000094, "division by zero"},
    {0xC00000FD, "stack overflow"},
    {0xC0000135, "a DLL is missing"},
    {0xC0000139, "a DLL lacks a function"},
    {0xC000013A, "ended by Ctrl+C"},
    {0xC0000142, "a DLL could not start"},
    {0xC0000374, "heap corruption"},
    {0xC0000409, "stack buffer overrun"},
    {0xC0000420, "assertion failure"},
}};

}  // namespace

std::string exit_code_text(std::int64_t code) {
    if (code >= 0 && code <= INT32_MAX) return std::to_string(code);
    const auto status = static_cast<std::uint32_t>(code);
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), status, 16).ptr;
    std::string text(digits.data(), end);
    for (char& digit : text) digit = digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
    text.insert(0, "0x");
    for (const auto& [number, words] : endings) {
        if (number == status) text.append(" (").append(words).append(")");
    }
    return text;
}

std::string describe(const ExitStatus& status) {
    const std::string suffix = status.oom_killed ? " (out of memory)" : "";
    switch (status.kind) {
        case ExitStatus::Kind::code:
            return "exit code " + exit_code_text(exit_code(status)) + suffix;
        case ExitStatus::Kind::signal:
            return "signal " + signal_name(status.value) + suffix;
        case ExitStatus::Kind::lost:
            return "unknown exit status" + suffix;
    }
    return "unknown exit status";
}

}  // namespace syspulse
