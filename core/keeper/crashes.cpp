#include "keeper/crashes.hpp"

#include <utility>

namespace syspulse::keeper {
namespace {

constexpr std::uint32_t crashes_max = 3;

std::string_view name_of(const PluginCalls& calls, std::uint8_t number) {
    if (number == 0 || number > PluginCalls::known_plugins) return "?";
    const char* const name = calls.plugins[number - 1];
    return {name, strnlen(name, PluginCalls::name_bytes)};
}

std::uint32_t bit_of(std::uint8_t number) {
    return number == 0 || number > PluginCalls::known_plugins ? 0 : 1U << (number - 1);
}

// The plugins that were being called, which are told and forgotten.
std::uint32_t take_marks(PluginCalls& calls, std::vector<std::string>& told) {
    std::uint32_t plugins = 0;
    for (auto& call : calls.calls) {
        const std::uint64_t mark = call.exchange(0);
        if (mark == 0) continue;
        plugins |= bit_of(plugin_of_mark(mark));
        std::string text = function_of_mark(mark) + " of plugin ";
        text += name_of(calls, plugin_of_mark(mark));
        // A dozen workers of one plugin tell no more than one of them.
        bool is_new = true;
        for (const std::string& known : told) is_new = is_new && known != text;
        if (is_new) told.push_back(std::move(text));
    }
    return plugins;
}

// Who was being called at each crash of the row is suspected.
void suspect(Board& board, std::uint32_t plugins) {
    const std::uint32_t crashes = board.crashes.load();
    Suspicion& suspicion = board.suspicion;
    const bool goes_on = suspicion.judged > board.crashes_forgotten.load();
    const std::uint32_t still = goes_on ? suspicion.plugins & plugins : 0;
    if (still == 0) suspicion.since = crashes - 1;
    suspicion.plugins = still == 0 ? plugins : still;
    if (crashes - suspicion.since >= crashes_max) suspicion.proven |= suspicion.plugins;
}

}  // namespace

std::optional<LastCrash> judge_crash(Board& board) {
    LastCrash crash;
    const std::uint32_t plugins = take_marks(board.plugin_calls, crash.calls);
    Suspicion& suspicion = board.suspicion;
    const std::uint32_t restarts = board.restarts.load();
    const bool in_order = suspicion.restarts == restarts;
    suspicion.restarts = restarts;
    if (in_order) suspicion = {restarts, board.crashes.load(), 0, 0, 0, 0};
    const std::uint32_t crashes = board.crashes.load();
    if (crashes == suspicion.judged) return std::nullopt;
    suspect(board, plugins);
    suspicion.judged = crashes;
    crash.how = board.crash_signalled != 0 ? "was ended by signal " : "ended with code ";
    crash.how += std::to_string(board.crash_value);
    return crash;
}

bool has_crashed_too_often(const Board& board, std::string_view plugin) {
    for (std::uint8_t n = 1; n <= PluginCalls::known_plugins; ++n) {
        if (name_of(board.plugin_calls, n) == plugin)
            return (board.suspicion.proven & bit_of(n)) != 0;
    }
    return false;
}

}  // namespace syspulse::keeper
