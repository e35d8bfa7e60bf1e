#include <cinttypes>
#include <cstdio>
#include <string>

#include "keeper/windows_board.hpp"

namespace syspulse::keeper {
namespace {

constexpr const char* variable = "SYSPULSE_KEPT_BY";

}  // namespace

bool read_handover(Handover& h) {
    std::array<char, 160> text{};
    const DWORD size = ::GetEnvironmentVariableA(variable, text.data(), text.size());
    if (size == 0 || size >= text.size()) return false;
    char rest = 0;
    const int read = std::sscanf(
        text.data(),
        "%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64 "%c",
        &h.pid, &h.keeper, &h.lock, &h.board, &h.news, &h.terminate, &h.interrupt, &rest);
    return read == 7 && ::GetProcessId(handle_of(h.keeper)) == static_cast<DWORD>(h.pid);
}

void write_handover(const Handover& h) {
    std::string text;
    for (const std::int64_t value :
         {h.pid, h.keeper, h.lock, h.board, h.news, h.terminate, h.interrupt})
        text += (text.empty() ? "" : ",") + std::to_string(value);
    ::SetEnvironmentVariableA(variable, text.c_str());
}

void drop_handover() {
    ::SetEnvironmentVariableA(variable, nullptr);
}

}  // namespace syspulse::keeper
