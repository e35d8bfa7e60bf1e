#include "manager/tight_limits.hpp"

namespace syspulse::manager {

std::vector<std::string> tight_limits(std::size_t declared,
                                      const std::vector<platform::DaemonLimit>& limits) {
    std::vector<std::string> warnings;
    if (declared == 0) return warnings;
    for (const platform::DaemonLimit& limit : limits) {
        if (declared < limit.daemons - limit.daemons / 10) continue;
        const std::string fact = std::to_string(declared) + " daemons are declared, and " +
                                 limit.what + " has room for about " +
                                 std::to_string(limit.daemons) + " that run at the same time; ";
        warnings.push_back(fact + limit.remedy +
                           (declared > limit.daemons ? ", as the others cannot be started"
                                                     : " before more are added"));
    }
    return warnings;
}

}  // namespace syspulse::manager
