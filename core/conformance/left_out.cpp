// Rules that no item of the kit looks at, so that nobody takes silence for a proof.
#include <array>

#include "conformance/item.hpp"

namespace syspulse::conformance {
namespace {

constexpr std::array table{
    LeftOut{"C03", 2, "create with the least, the greatest and the longest that the schema allows",
            "options are generated from defaults only; give extremes as `configs` (C02)"},
    LeftOut{"C09", 5, "create when memory cannot be had",
            "needs faults injected below the C library; X06 takes memory away from a plugin that "
            "runs"},
    LeftOut{"D13", 4, "tokens of an older build of the driver are understood",
            "needs that build; keep one and its tokens, as syspulse does with its stored binaries"},
    LeftOut{"D28", 5, "a start when the disk or a table of the system is full",
            "needs faults injected below the C library; a build with its tests can do that"},
    LeftOut{"H19", 4, "names that do not resolve, hosts with one family of addresses only",
            "depends on the network of the machine; H06 has a server that refuses, resets and "
            "stays silent"},
    LeftOut{"S04", 4, "nothing is written outside of the given directory",
            "needs a mount namespace; S01 and S03 look at the process itself"},
    LeftOut{"S05", 4, "works without root, on a read-only root and without /proc",
            "needs a mount namespace; run the kit as another user for the first of these"},
    LeftOut{"T01", 3, "no function of the host is called between fork and exec or by a handler",
            "cannot be told from outside of a process without tracing it; D04 and S01 find what "
            "such calls leave behind"},
    LeftOut{"T02", 3, "slots are not entered again by way of the host",
            "no function of the host calls back before it returns, neither here nor in syspulse"},
    LeftOut{"T05", 4, "no data race that ThreadSanitizer finds",
            "a matter of the plugin's build: run the kit of a syspulse built in the same way"},
    LeftOut{"T06", 4, "nothing that AddressSanitizer or Valgrind finds",
            "a matter of the plugin's build: run the kit of a syspulse built in the same way"},
};

}  // namespace

std::span<const LeftOut> left_out_items() {
    return table;
}

const LeftOut* find_left_out(std::string_view id) {
    for (const LeftOut& item : table) {
        if (item.id == id) return &item;
    }
    return nullptr;
}

}  // namespace syspulse::conformance
