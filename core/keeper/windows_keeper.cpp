// There is no keeper on Windows yet: a manager that dies takes its pipes along, and how daemons end
// meanwhile is seen by nobody. The manager says so at its start.
#include "keeper/keeper.hpp"
#include "keeper/link.hpp"

namespace syspulse::keeper {

bool is_available() {
    return false;
}

Result<std::unique_ptr<Link>> Link::inherit() {
    return std::unique_ptr<Link>();
}

Error run_under_keeper(int, int, const std::string&) {
    return {ErrorCode::unsupported, "cannot start the keeper: Windows has none yet"};
}

bool is_keeper_process() {
    return false;
}

void become_own_keeper(char**) {}

int keep(char**) {
    return 1;
}

}  // namespace syspulse::keeper
