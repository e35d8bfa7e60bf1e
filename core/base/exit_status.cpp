#include "base/exit_status.hpp"

#include "base/signals.hpp"

namespace syspulse {

std::string describe(const ExitStatus& status) {
    const std::string suffix = status.oom_killed ? " (out of memory)" : "";
    switch (status.kind) {
        case ExitStatus::Kind::code:
            return "exit code " + std::to_string(status.value) + suffix;
        case ExitStatus::Kind::signal:
            return "signal " + signal_name(status.value) + suffix;
        case ExitStatus::Kind::lost:
            return "unknown exit status" + suffix;
    }
    return "unknown exit status";
}

}  // namespace syspulse
