// X04: the manager is lost.
#include <array>
#include <sstream>

#include "conformance/driver_bench.hpp"
#include "conformance/isolated.hpp"
#include "conformance/lost_manager.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {
namespace {

// What a manager leaves behind when it is killed in the middle of its work.
struct Left {
    std::int64_t host = 0;  // The plugin's process.
    Isolated::Run run;      // Of a driver.
};

// Nothing when there was no manager that worked.
std::optional<Left> lose_a_manager(Case& c, const PluginFolder& folder) {
    const std::string text = told_by_lost_manager(c, folder);
    Left left;
    std::istringstream words(text);
    words >> left.host >> left.run.pid;
    words.get();
    std::getline(words, left.run.run_id, ' ');
    left.run.token.assign(std::istreambuf_iterator<char>(words), {});
    if (left.host <= 1) return std::nullopt;
    return left;
}

Verdict takes_over(Isolated& isolated, const Isolated::Run& lost) {
    if (!process_lives(lost.pid)) return fail("the daemon died with the manager");
    const Isolated::Run& found = isolated.recover(lost);
    if (found.pid == 0) {
        kill_process(lost.pid);
        return fail("the next manager does not find the daemon: " +
                    found.failure.value_or("no answer"));
    }
    if (found.pid != lost.pid) return fail("another process is taken for it");
    if (found.exit) return fail("an exit was reported that was none");
    isolated.processes().kill_tree(RunId{1}, {});
    if (!isolated.until([&] { return found.exit.has_value(); })) {
        return fail("the end of the daemon is not reported to the next manager");
    }
    return pass();
}

Verdict survives_the_manager(Case& c) {
    if (!c.is_driver() && c.author().pass.empty()) {
        return skip("the author's file names no target that passes");
    }
    const PluginFolder folder(c);
    const auto left = lose_a_manager(c, folder);
    if (!left) return skip("in a process of its own it does not work: see X02");
    Isolated isolated(c, folder);
    if (!isolated.loaded()) return skip("it does not load");
    const bool ended = isolated.until([&] { return !process_lives(left->host); });
    if (!ended) kill_process(left->host);
    collect(left->host);
    if (!ended) return fail("the plugin's process outlives the manager");
    if (c.is_driver()) return takes_over(isolated, left->run);
    const TargetServer server(TargetServer::Manner::reply, c.author().reply);
    return isolated.passes(server.in(c.author().pass))
               ? pass()
               : fail("below the next manager it does not pass");
}

constexpr std::array table{
    Item{"X04", 4, Subject::kind,
         "the manager is killed: its process ends, daemons live, the next manager finds them",
         survives_the_manager},
};

}  // namespace

std::span<const Item> takeover_items() {
    return table;
}

}  // namespace syspulse::conformance
