// T: threads.
#include <array>

#include "conformance/case.hpp"

namespace syspulse::conformance {
namespace {

Verdict refused_completions(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    if (c.author().pass.empty()) return skip("the author's file names no target that passes");
    KitHost host({.stale = true});
    Trial trial(host, **kind, c.configs().front());
    if (!trial.created()) return skip("create fails");
    for (int i = 0; i < 5; ++i) {
        const auto op = trial.start(c.author().pass, 300);
        if (op) host.wait_for(*op, c.within(std::chrono::seconds{10}));
    }
    return pass();
}

Verdict workers_end(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host;
    {
        Trial trial(host, **kind, c.configs().front());
        const std::string target = c.author().slow.empty() ? c.author().pass : c.author().slow;
        if (!trial.created() || target.empty()) return skip("the author's file names no target");
        trial.start(target, 500);
        host.settle(std::chrono::milliseconds{50});
    }
    const bool ended =
        host.until([&] { return host.workers_busy() == 0; }, c.within(std::chrono::seconds{5}));
    return ended ? pass() : warn("a worker runs five seconds after destroy");
}

constexpr std::array table{
    Item{"T03", 3, Subject::checker, "completions that are answered SYSP_E_STALE are put up with",
         refused_completions},
    Item{"T04", 3, Subject::checker, "workers end soon after destroy", workers_end},
};

}  // namespace

std::span<const Item> worker_items() {
    return table;
}

}  // namespace syspulse::conformance
