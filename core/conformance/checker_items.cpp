// H: how a checker behaves; what needs a special target is in target_items.cpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "conformance/case.hpp"
#include "conformance/checker_bench.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {
namespace {

using Bench = CheckerBench;
constexpr Duration patience = CheckerBench::patience;

Verdict starts_quickly(Case& c) {
    Bench bench(c);
    const std::string target = bench.slow.empty() ? bench.pass : bench.slow;
    if (!bench.ready(target)) return bench.not_ready();
    // The best of several: a busy machine delays some, a blocking start all.
    Duration best = Duration::max();
    for (int i = 0; i < 3; ++i) {
        const Instant began = bench.host.now();
        const auto op = bench.trial->start(target, 200);
        best = std::min(best, bench.host.now() - began);
        if (!op) return fail("start was refused");
        if (!bench.host.wait_for(*op, c.within(patience))) return skip("H02 has the finding");
    }
    if (best > c.within(std::chrono::milliseconds{100}))
        return fail("start took " + format_duration(best));
    return pass();
}

Verdict completes_once(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    std::vector<std::string> targets{bench.pass};
    if (!bench.slow.empty()) targets.push_back(bench.slow);
    for (const std::string& target : targets) {
        constexpr std::uint32_t timeout = 1000;
        const Instant began = bench.host.now();
        const auto op = bench.trial->start(target, timeout);
        if (!op) return fail("start was refused");
        const auto answer = bench.host.wait_for(*op, c.within(patience + std::chrono::seconds{1}));
        if (!answer) return fail("no completion for " + target);
        bench.host.settle(std::chrono::milliseconds{100});
        if (bench.host.of(*op).size() != 1) {
            return fail(std::to_string(bench.host.of(*op).size()) + " completions of one check");
        }
        const Duration took = answer->at - began;
        if (took > c.within(std::chrono::milliseconds{timeout + 200})) {
            return warn("the answer took " + format_duration(took) + " of " +
                        std::to_string(timeout) + " ms");
        }
    }
    return pass();
}

// Nobody knows which of two answers counts, where a check is completed and refused.
Verdict refuses_alone(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    for (const std::string& target : {std::string(), std::string(5000, '\xff'), bench.pass}) {
        const std::size_t before = bench.host.events().size();
        if (const auto op = bench.trial->start(target, 700)) {
            bench.host.wait_for(*op, c.within(patience));
            continue;
        }
        bench.host.settle(std::chrono::milliseconds{50});
        if (bench.host.events().size() > before) return fail("a refused start is completed");
    }
    return pass();
}

Verdict busy_host(Case& c) {
    Bench bench(c, {.busy = true});
    if (!bench.ready(bench.pass)) return bench.not_ready();
    std::vector<std::string> targets{bench.pass};
    if (!bench.slow.empty()) targets.push_back(bench.slow);
    for (const std::string& target : targets) {
        const auto op = bench.trial->start(target, 500);
        if (op) {
            if (!bench.host.wait_for(*op, c.within(patience)))
                return fail("accepted and never answered");
            continue;
        }
        if (!bench.host.last_error) return fail("start was refused without set_error");
        bench.host.settle(std::chrono::milliseconds{200});
        if (!bench.host.events().empty()) return fail("a refused start is completed");
    }
    return refuses_alone(c);
}

Verdict passes(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    const auto answer = bench.trial->check(bench.pass);
    if (!answer) return fail("no answer");
    if (answer->error) return fail("an error: " + answer->message);
    if (answer->outcome != SYSP_CHECK_PASS && answer->outcome != SYSP_CHECK_WARN) {
        return fail("not healthy: " + answer->message);
    }
    return answer->message.size() <= 4096 ? pass() : fail("the message is longer than 4 KiB");
}

Verdict fails(Case& c) {
    Bench bench(c);
    const TargetServer closed(TargetServer::Manner::refuse);
    const std::string target = closed.in(c.author().fail);
    if (!bench.ready(target)) return bench.not_ready();
    const auto answer = bench.trial->check(target);
    if (!answer) return fail("no answer");
    if (answer->error) return fail("an error where a verdict is due: " + answer->message);
    return answer->outcome == SYSP_CHECK_FAIL ? pass() : fail("healthy: " + answer->message);
}

Verdict cancels(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.slow)) return bench.not_ready();
    const auto op = bench.trial->start(bench.slow, 3000);
    if (!op) return fail("start was refused");
    bench.host.settle(std::chrono::milliseconds{20});
    const Instant began = bench.host.now();
    bench.trial->checker().cancel(bench.trial->self(), *op);
    const auto answer = bench.host.wait_for(*op, c.within(patience));
    if (!answer) return fail("a cancelled check is never completed");
    bench.host.settle(std::chrono::milliseconds{100});
    if (bench.host.of(*op).size() != 1) return fail("a cancelled check is completed twice");
    if (answer->at - began > c.within(std::chrono::milliseconds{500})) {
        return warn("it took " + format_duration(answer->at - began));
    }
    return pass();
}

Verdict cancels_nothing(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    const auto& cancel = bench.trial->checker().cancel;
    cancel(bench.trial->self(), 12345);
    const auto op = bench.trial->start(bench.pass);
    if (!op || !bench.host.wait_for(*op, c.within(patience))) return skip("H02 has the finding");
    cancel(bench.trial->self(), *op);
    bench.host.settle(std::chrono::milliseconds{50});
    return bench.host.of(*op).size() == 1 ? pass() : fail("a completion follows a late cancel");
}

Verdict cancels_at_once(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.slow)) return bench.not_ready();
    constexpr int rounds = 500;
    for (int i = 0; i < rounds; ++i) {
        const auto op = bench.trial->start(bench.slow, 3000);
        if (!op) return fail("start was refused in round " + std::to_string(i));
        bench.trial->checker().cancel(bench.trial->self(), *op);
        if (!bench.host.wait_for(*op, c.within(patience))) return fail("never completed");
        if (bench.host.of(*op).size() != 1) return fail("completed twice");
    }
    return pass();
}

Verdict destroyed_while_busy(Case& c) {
    Bench bench(c);
    const std::string target = bench.slow.empty() ? bench.pass : bench.slow;
    if (!bench.ready(target)) return bench.not_ready();
    Duration best = Duration::max();
    for (int i = 0; i < 3; ++i) {
        Trial trial(bench.host, **c.kind(), c.configs().front());
        if (!trial.start(target, 500)) return fail("start was refused");
        bench.host.behaviour().stale = true;
        const Instant began = bench.host.now();
        trial.destroy();
        best = std::min(best, bench.host.now() - began);
        bench.host.settle(std::chrono::milliseconds{700});
        bench.host.behaviour().stale = false;
    }
    if (best > c.within(std::chrono::milliseconds{100}))
        return fail("destroy took " + format_duration(best));
    return pass();
}

Verdict destroyed_on_completion(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    bool destroyed = false;
    bench.host.on_event = [&](const Event&) {
        bench.trial->destroy();
        destroyed = true;
    };
    if (!bench.trial->start(bench.pass)) return fail("start was refused");
    if (!bench.host.until([&] { return destroyed; }, c.within(patience)))
        return skip("no completion");
    bench.host.settle(std::chrono::milliseconds{100});
    return pass();
}

Verdict next_in_completion(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    int answers = 0;
    bool refused = false;
    bench.host.on_event = [&](const Event& event) {
        if (event.what != Event::What::check || event.answered != SYSP_OK) return;
        if (++answers < 3 && !bench.trial->start(bench.pass)) refused = true;
    };
    if (!bench.trial->start(bench.pass)) return fail("start was refused");
    bench.host.until([&] { return answers >= 3 || refused; }, c.within(patience));
    bench.host.on_event = nullptr;
    if (refused) return fail("the next check is refused when the last has just completed");
    return answers >= 3 ? pass() : fail("the next check was not answered");
}

Verdict repeatable(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    std::optional<std::int32_t> first;
    for (int i = 0; i < 4; ++i) {
        const auto answer = bench.trial->check(bench.pass);
        if (!answer || answer->error) return skip("H04 has the finding");
        if (!first) first = answer->outcome;
        if (*first != answer->outcome) return fail("the same target gives different outcomes");
    }
    return pass();
}

Verdict larger_request(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    struct {
        sysp_check_request known;
        unsigned char tail[64];
    } request{};
    std::memset(request.tail, 0xA5, sizeof request.tail);
    request.known.size = sizeof request;
    request.known.timeout_ms = 5000;
    request.known.pid = -1;
    request.known.unit = {"unit", 4};
    request.known.target = {bench.pass.c_str(), bench.pass.size()};
    const auto op = bench.trial->start(bench.pass, 5000, &request.known);
    if (!op) return fail("a request with members of later minors is refused");
    return bench.host.wait_for(*op, c.within(patience)) ? pass() : fail("no answer");
}

Verdict extreme_timeouts(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    for (const std::uint32_t timeout : {1U, 0x80000000U, 0xFFFFFFFFU}) {
        const auto op = bench.trial->start(bench.pass, timeout);
        if (!op) return fail("a timeout of " + std::to_string(timeout) + " ms is refused");
        if (!bench.host.wait_for(*op, c.within(patience))) {
            return fail("no answer with a timeout of " + std::to_string(timeout) + " ms");
        }
    }
    return pass();
}

Verdict metrics_valid(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    const auto answer = bench.trial->check(bench.pass);
    if (!answer) return skip("no answer");
    if (answer->metric_count > 64) return fail("more than 64 metrics");
    for (const Metric& metric : answer->metrics) {
        if (metric.name.empty()) return fail("a metric without a name");
        if (!std::isfinite(metric.value)) return fail("metric " + metric.name + " is not finite");
    }
    return pass();
}

Verdict without_process(Case& c) {
    Bench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    const auto op = bench.trial->start(bench.pass);
    if (!op) {
        return fail("a check without a process is refused: " +
                    bench.host.last_error.value_or("no reason"));
    }
    return bench.host.wait_for(*op, c.within(patience)) ? pass() : fail("no answer");
}

Verdict without_extensions(Case& c) {
    Bench bench(c, {.extensions = false});
    if (!bench.trial) return skip("it does not load");
    // To say that it cannot work without one is in order.
    if (!bench.trial->created()) {
        return bench.host.last_error ? pass("it says so: " + *bench.host.last_error)
                                     : fail("create fails without extensions and gives no reason");
    }
    if (bench.pass.empty()) return pass();
    const auto op = bench.trial->start(bench.pass);
    if (!op) return bench.host.last_error ? pass() : fail("start fails without a reason");
    return bench.host.wait_for(*op, c.within(patience)) ? pass() : fail("no answer");
}

constexpr std::array table{
    Item{"H01", 3, Subject::checker, "start returns at once, also for a target that never answers",
         starts_quickly},
    Item{"H02", 3, Subject::checker, "exactly one completion per accepted check, in time",
         completes_once},
    Item{"H03", 3, Subject::checker,
         "a refused start is not completed, and has said why if no worker is free", busy_host},
    Item{"H04", 3, Subject::checker, "a healthy target passes", passes},
    Item{"H05", 3, Subject::checker, "an unhealthy target fails, which is no error", fails},
    Item{"H07", 3, Subject::checker, "a cancelled check is still completed, once and soon",
         cancels},
    Item{"H08", 3, Subject::checker, "cancelling an unknown or finished check is harmless",
         cancels_nothing},
    Item{"H09", 4, Subject::checker, "cancelling right after start, 500 times", cancels_at_once},
    Item{"H10", 3, Subject::checker, "destroy with a check under way returns at once",
         destroyed_while_busy},
    Item{"H11", 3, Subject::checker, "destroy when a completion is handled",
         destroyed_on_completion},
    Item{"H12", 3, Subject::checker, "the next check may start when the last has completed",
         next_in_completion},
    Item{"H13", 3, Subject::checker, "the same target gives the same outcome", repeatable},
    Item{"H14", 2, Subject::checker, "a request with unknown members at its end is understood",
         larger_request},
    Item{"H15", 3, Subject::checker, "timeouts of 1 ms and of weeks", extreme_timeouts},
    Item{"H16", 3, Subject::checker, "metrics have names and finite values, 64 at most",
         metrics_valid},
    Item{"H17", 3, Subject::checker, "a check without a process is accepted", without_process},
    Item{"H20", 2, Subject::checker, "a host without extensions gets a clear answer",
         without_extensions},
};

}  // namespace

std::span<const Item> checker_items() {
    return table;
}

}  // namespace syspulse::conformance
