// What most items about checkers begin with.
#pragma once

#include <optional>
#include <string>

#include "conformance/case.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {

// A host, a listener for {port} and one instance.
struct CheckerBench {
    static constexpr Duration patience = std::chrono::seconds{10};

    explicit CheckerBench(Case& c, HostBehaviour behaviour = {})
        : host(behaviour),
          server(TargetServer::Manner::reply, c.author().reply),
          silent(TargetServer::Manner::silence) {
        const auto kind = c.kind();
        if (!kind) return;
        const auto configs = c.configs();
        trial.emplace(host, **kind, configs.empty() ? "{}" : configs.front());
        pass = server.in(c.author().pass);
        fail = server.in(c.author().fail);
        slow = silent.in(c.author().slow);
    }
    bool ready(const std::string& target) const {
        return trial && trial->created() && !target.empty();
    }
    Verdict not_ready() const {
        return skip(trial && trial->created() ? "the author's file names no such target"
                                              : "create fails");
    }

    KitHost host;
    TargetServer server;
    TargetServer silent;
    std::optional<Trial> trial;
    std::string pass;
    std::string fail;
    std::string slow;
};

}  // namespace syspulse::conformance
