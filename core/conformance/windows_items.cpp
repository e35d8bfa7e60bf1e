// S on Windows, and the items that run programs of POSIX: they are not passed over in silence.
#include <windows.h>

#include <array>
#include <clocale>
#include <filesystem>

#include "conformance/case.hpp"

namespace syspulse::conformance {
namespace {

// One ordinary use of a checker.
void exercise(Case& c) {
    const auto kind = c.kind();
    if (!kind || c.is_driver()) return;
    KitHost host;
    for (const std::string& config : c.configs()) {
        Trial trial(host, **kind, config);
        const std::string& target = c.author().pass;
        if (trial.created() && !target.empty()) trial.check(target, 500);
    }
}

std::wstring process_state() {
    const char* const locale = std::setlocale(LC_ALL, nullptr);
    std::wstring state = std::filesystem::current_path().wstring() + L"\n" +
                         std::to_wstring(::GetErrorMode()) + L"\n";
    for (const char* at = locale; at != nullptr && *at != '\0'; ++at)
        state += static_cast<wchar_t>(*at);
    wchar_t* const block = ::GetEnvironmentStringsW();
    for (const wchar_t* entry = block; *entry != L'\0'; entry += std::wcslen(entry) + 1)
        state += std::wstring(L"\n") + entry;
    ::FreeEnvironmentStringsW(block);
    return state;
}

Verdict state_kept(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    const std::wstring before = process_state();
    exercise(c);
    return process_state() == before
               ? pass()
               : fail("directory, locale, environment or error mode are changed");
}

Verdict needs_posix(Case&) {
    return skip("the kit runs programs of POSIX for it, so it is checked on Linux only");
}

constexpr std::array states{
    Item{"S01", 3, Subject::kind, "directory, locale, environment and error mode are kept",
         state_kept},
};
constexpr std::array drivers{
    Item{"D01", 3, Subject::driver, "how a process ended is reported as it was", needs_posix},
    Item{"D03", 3, Subject::driver, "arguments and directory arrive exactly", needs_posix},
    Item{"D14", 3, Subject::driver, "TERMINATE reaches a handler, KILL ends everything",
         needs_posix},
};
constexpr std::array recoveries{
    Item{"D08", 3, Subject::driver, "a live process is taken over by its token, its end is seen",
         needs_posix},
};
constexpr std::array isolations{
    Item{"X01", 3, Subject::kind, "in a process of its own the verdicts are the same", needs_posix},
};
constexpr std::array takeovers{
    Item{"X04", 4, Subject::kind,
         "the manager is killed: its process ends, daemons live, the next manager finds them",
         needs_posix},
};
constexpr std::array secrets{
    Item{"C07", 3, Subject::kind,
         "secret options are in no log, error, answer, token or command line", needs_posix},
};

}  // namespace

std::span<const Item> state_items() {
    return states;
}

std::span<const Item> driver_items() {
    return drivers;
}

std::span<const Item> recovery_items() {
    return recoveries;
}

std::span<const Item> isolation_items() {
    return isolations;
}

std::span<const Item> takeover_items() {
    return takeovers;
}

std::span<const Item> secret_items() {
    return secrets;
}

std::span<const Item> kernel_items() {
    return {};
}

}  // namespace syspulse::conformance
