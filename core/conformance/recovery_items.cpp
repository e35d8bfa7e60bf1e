// D08 to D13, D20: taking processes over.
#include <array>

#include "conformance/driver_bench.hpp"

namespace syspulse::conformance {
namespace {

Verdict adopts(DriverBench& bench) {
    const Running first = bench.spawn(programs::wait_to_be_ended());
    if (!first.up()) return fail("it does not start");
    bench.release(first.proc);
    bench.renew();
    if (!bench.ready()) return skip("create fails");
    const Running again = bench.recover(first.run_id, first.token);
    if (!again.up()) {
        if (!process_lives(first.pid)) return skip("it was ended by its release: see D18");
        return fail("a live process is not found: " +
                    (again.answer ? again.answer->message : std::string("refused")));
    }
    if (again.pid != first.pid) return fail("another process is taken for it");
    // The same number as the child that was started above.
    kill_process(first.pid);
    return bench.exit_of(again) ? pass() : fail("the end of a recovered process is not reported");
}

Verdict dead_is_gone(DriverBench& bench) {
    const Running first = bench.spawn(programs::end_with(0));
    if (!first.up() || !bench.exit_of(first)) return fail("it does not run");
    bench.release(first.proc);
    bench.renew();
    const Running again = bench.recover(first.run_id, first.token);
    if (again.up()) return fail("a process that is dead is said to live");
    const auto error = again.error();
    if (!error) return fail("no answer");
    return *error == SYSP_E_NOT_FOUND
               ? pass()
               : fail("the error is " + std::to_string(*error) + ", not SYSP_E_NOT_FOUND");
}

Verdict by_run_id(DriverBench& bench) {
    if (bench.recover("kit-no-such-run", "").up()) return fail("a run that never was is found");
    const Running first = bench.spawn(programs::wait_to_be_ended());
    if (!first.up()) return fail("it does not start");
    bench.release(first.proc);
    bench.renew();
    const Running again = bench.recover(first.run_id, "");
    if (again.up()) {
        return again.pid == first.pid ? pass() : fail("another process is taken for it");
    }
    const auto error = again.error();
    if (!error) return fail("no answer");
    if (!process_lives(first.pid)) return skip("it was ended by its release: see D18");
    // The manager starts the daemon again then.
    if (*error == SYSP_E_NOT_FOUND) return fail("a process that lives is said to be gone");
    return pass("it needs the token, and says that it cannot tell");
}

Verdict bad_tokens(DriverBench& bench) {
    const Running first = bench.spawn(programs::wait_to_be_ended());
    if (!first.up()) return fail("it does not start");
    bench.release(first.proc);
    bench.renew();
    std::vector<std::string> tokens{first.token.substr(0, first.token.size() / 2),
                                    std::string(4096, '\xA5'),
                                    std::string(64, '\0'),
                                    "1",
                                    "-1",
                                    "99999999999999999999"};
    for (std::size_t i = 0; i < first.token.size(); ++i) {
        std::string flipped = first.token;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x15);
        tokens.push_back(flipped);
    }
    for (const std::string& token : tokens) {
        const Running again = bench.recover("kit-no-such-run", token);
        if (!again.refused && !again.answer) return fail("no answer for a damaged token");
        if (again.up() && again.pid != first.pid) {
            return fail("a damaged token leads to process " + std::to_string(again.pid));
        }
        bench.release(again.proc);
    }
    return process_lives(first.pid) ? pass() : fail("the process was ended by it");
}

Verdict outlives_instance(DriverBench& bench) {
    const Running first = bench.spawn(programs::wait_to_be_ended());
    if (!first.up()) return fail("it does not start");
    bench.renew();
    bench.host.settle(std::chrono::milliseconds{100});
    if (!process_lives(first.pid)) return fail("destroy ended the process");
    return pass();
}

std::int32_t* slot_in(std::span<char> page) {
    return reinterpret_cast<std::int32_t*>(page.data());
}

Verdict leaves_its_number(DriverBench& bench) {
    const std::span<char> failed = slot_page();
    const std::span<char> good = slot_page();
    if (failed.empty() || good.empty()) return skip("there is no shared memory");
    bench.pid_slot = slot_in(failed);
    if (bench.spawn({no_programs().front()}).up()) return fail("what is no program starts");
    if (*slot_in(failed) != 0) {
        return fail("after a start that failed there is " + std::to_string(*slot_in(failed)));
    }
    forbid_writing(failed);
    bench.pid_slot = slot_in(good);
    const Running run = bench.spawn(programs::wait_to_be_ended());
    if (!run.up()) return fail("it does not start");
    const std::int32_t left = *slot_in(good);
    if (left != 0 && left != run.pid) {
        return fail("the slot has " + std::to_string(left) + ", the process is " +
                    std::to_string(run.pid));
    }
    forbid_writing(good);
    bench.pid_slot = nullptr;
    bench.inspect(run.proc);
    bench.signal(run.proc, SYSP_SIG_KILL);
    if (!bench.exit_of(run)) return fail("its end is not reported");
    bench.release(run.proc);
    return pass(left == 0 ? "it leaves the slot alone" : "");
}

constexpr std::array table{
    Item{"D08", 3, Subject::driver, "a live process is taken over by its token, its end is seen",
         with_driver<adopts>},
    Item{"D09", 3, Subject::driver, "a dead process is SYSP_E_NOT_FOUND",
         with_driver<dead_is_gone>},
    Item{"D11", 3, Subject::driver,
         "without a token the right process is found, or none said to be gone",
         with_driver<by_run_id>},
    Item{"D12", 3, Subject::driver, "damaged and foreign tokens do no harm",
         with_driver<bad_tokens>},
    Item{"D20", 3, Subject::driver, "processes live on when the instance is destroyed",
         with_driver<outlives_instance>},
    Item{"D29", 3, Subject::driver,
         "pid_slot: the child's number or untouched, 0 after a failed exec, not used later",
         with_driver<leaves_its_number>},
};

}  // namespace

std::span<const Item> recovery_items() {
    return table;
}

}  // namespace syspulse::conformance
