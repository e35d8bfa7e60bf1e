#include "cli/across_managers.hpp"

namespace syspulse::cli {
namespace {

// A keeper holds the endpoint open while it replaces its manager, so this is how long somebody else
// may take to start both again.
constexpr int looks_max = 100;
constexpr Duration between_looks = std::chrono::milliseconds{100};

}  // namespace

Result<Response> across_managers(const Context& context,
                                 const std::function<Result<Response>(bool& heard)>& stream) {
    bool ever_heard = false;
    for (int looks = 0; looks < looks_max; ++looks) {
        bool heard = false;
        auto response = stream(heard);
        ever_heard = ever_heard || heard;
        if (response || response.error().code != ErrorCode::unavailable || !ever_heard)
            return response;
        if (heard) looks = 0;
        context.pause(between_looks);
    }
    return Error{ErrorCode::unavailable,
                 "the manager has ended, and no other one has come within 10 s; start one with: "
                 "syspulse daemon"};
}

}  // namespace syspulse::cli
