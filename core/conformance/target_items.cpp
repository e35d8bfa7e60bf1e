// H06: targets that behave badly.
#include <array>

#include "conformance/case.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {
namespace {

Verdict bad_targets(Case& c) {
    using Manner = TargetServer::Manner;
    const std::string& pattern = c.author().pass;
    if (pattern.find("{port}") == std::string::npos) {
        return skip("the author's file names no target with {port}");
    }
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host;
    Trial trial(host, **kind, c.configs().front());
    if (!trial.created()) return skip("create fails");
    constexpr std::array manners{
        std::pair{Manner::refuse, "refuses"},   std::pair{Manner::reset, "resets"},
        std::pair{Manner::close, "closes"},     std::pair{Manner::garbage, "sends garbage"},
        std::pair{Manner::flood, "sends much"}, std::pair{Manner::trickle, "sends slowly"},
        std::pair{Manner::silence, "is silent"}};
    for (const auto& [manner, name] : manners) {
        const TargetServer server(manner);
        constexpr std::uint32_t timeout = 500;
        const auto op = trial.start(server.in(pattern), timeout);
        if (!op) return fail(std::string("a target that ") + name + " is refused");
        if (!host.wait_for(*op, c.within(std::chrono::seconds{10}))) {
            return fail(std::string("no answer about a target that ") + name);
        }
    }
    return pass();
}

constexpr std::array table{
    Item{"H06", 3, Subject::checker,
         "targets that refuse, reset, close, flood, trickle or are silent get an answer in time",
         bad_targets},
};

}  // namespace

std::span<const Item> target_items() {
    return table;
}

}  // namespace syspulse::conformance
