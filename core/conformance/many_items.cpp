// H18 and H21: what many checks leave behind.
#include <array>
#include <memory>
#include <vector>

#include "conformance/checker_bench.hpp"

namespace syspulse::conformance {
namespace {

Verdict many_instances(Case& c) {
    CheckerBench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    const auto round = [&] {
        std::vector<std::unique_ptr<Trial>> trials;
        for (int i = 0; i < 10; ++i) {
            trials.push_back(std::make_unique<Trial>(bench.host, **c.kind(), c.configs().front()));
            if (trials.back()->created()) trials.back()->check(bench.pass);
        }
    };
    round();
    const Usage before = usage();
    for (int i = 0; i < 10; ++i) round();
    const auto back = [&] {
        const Usage now = usage();
        return now.descriptors <= before.descriptors + 5 && now.threads <= before.threads + 2;
    };
    if (bench.host.until(back, c.within(std::chrono::seconds{5}))) return pass();
    return fail(std::to_string(usage().descriptors) + " descriptors and " +
                std::to_string(usage().threads) + " threads after 100 checks, before " +
                std::to_string(before.descriptors) + " and " + std::to_string(before.threads));
}

std::string in_words(const Usage& usage) {
    return std::to_string(usage.descriptors) + " descriptors, " + std::to_string(usage.threads) +
           " threads and " + std::to_string(usage.memory_kib) + " KiB";
}

Verdict many_checks(Case& c) {
    CheckerBench bench(c);
    if (!bench.ready(bench.pass)) return bench.not_ready();
    const TargetServer closed(TargetServer::Manner::refuse);
    const std::string failing = closed.in(c.author().fail);
    // False if a check is not completed.
    const auto round = [&] {
        bench.host.forget();
        bench.trial->check(bench.pass);
        if (!failing.empty()) bench.trial->check(failing);
        const auto op = bench.slow.empty() ? std::nullopt : bench.trial->start(bench.slow, 3000);
        if (!op) return true;
        bench.trial->checker().cancel(bench.trial->self(), *op);
        return bench.host.wait_for(*op, c.within(CheckerBench::patience)).has_value();
    };
    constexpr std::size_t rounds = 100;
    constexpr std::size_t kib_per_round = 16;
    constexpr std::size_t first = rounds / 4;
    Usage before;
    for (std::size_t i = 0; i < first + rounds; ++i) {
        if (i == first) before = usage();
        if (!round()) return fail("a cancelled check is not completed");
    }
    const auto back = [&] {
        const Usage now = usage();
        return now.descriptors <= before.descriptors + 5 && now.threads <= before.threads + 2 &&
               now.memory_kib <= before.memory_kib + rounds * kib_per_round;
    };
    if (bench.host.until(back, c.within(std::chrono::seconds{5}))) return pass();
    return fail(in_words(usage()) + " after " + std::to_string(rounds) +
                " rounds of checks that pass, fail and are cancelled, before " + in_words(before));
}

constexpr std::array table{
    Item{"H18", 4, Subject::checker, "many instances and checks leave nothing behind",
         many_instances},
    Item{"H21", 3, Subject::checker, "many checks of one instance leave nothing behind",
         many_checks},
};

}  // namespace

std::span<const Item> many_items() {
    return table;
}

}  // namespace syspulse::conformance
