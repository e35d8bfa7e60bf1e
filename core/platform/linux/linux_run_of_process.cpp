#include <fstream>
#include <string>

#include "platform/run_of_process.hpp"

namespace syspulse::platform {

bool carries_run(std::int64_t pid, std::string_view run_id) {
    if (pid <= 0) return false;
    // Of a process that has ended and is not collected yet, it is empty.
    std::ifstream environment("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
    const std::string wanted = "SYSPULSE_RUN_ID=" + std::string(run_id);
    for (std::string variable; std::getline(environment, variable, '\0');) {
        if (variable == wanted) return true;
    }
    return false;
}

}  // namespace syspulse::platform
