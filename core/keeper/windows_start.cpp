// On Windows the process that the user has started stays, and is the keeper itself; see
// windows_keeper.hpp.
#include "keeper/keeper.hpp"

namespace syspulse::keeper {

Error run_under_keeper(int, int, const std::string&) {
    return {ErrorCode::unsupported, "cannot become the keeper: there is no exec on Windows"};
}

bool is_keeper_process() {
    return false;
}

void become_own_keeper(char**) {}

int keep(char**) {
    return 1;
}

}  // namespace syspulse::keeper
