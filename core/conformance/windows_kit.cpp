// The kit's cases are written against POSIX; on Windows the command says that it cannot check.
#include "conformance/kit.hpp"

namespace syspulse::conformance {

bool is_kit_case(const std::vector<std::string>&) {
    return false;
}

int run_kit_case(const std::vector<std::string>&) {
    return 2;
}

Result<void> run_kit(const KitOptions&, const std::function<void(const Finding&)>&) {
    return Error{
        ErrorCode::unsupported,
        "cannot check the plugin: the conformance kit does not run on Windows yet; what is "
        "common to all systems can be checked on Linux"};
}

std::optional<std::string> explain(std::string_view) {
    return std::nullopt;
}

}  // namespace syspulse::conformance
