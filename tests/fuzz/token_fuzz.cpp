// The token by which the posix driver recognises a process after a crash: bytes from the registry.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/process_identity.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using syspulse::plugins::Identity;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto identity = Identity::from_token(text);
    if (!identity) return 0;
    const auto again = Identity::from_token(identity->to_token());
    const bool same =
        again && again->pid == identity->pid && again->to_token() == identity->to_token();
    if (!same || identity->pid <= 0) std::abort();
    return 0;
}
