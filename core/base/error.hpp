// The one error type of the core. Codes are few: a new one needs a caller that reacts to it;
// everything else is told by the message.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace syspulse {

enum class ErrorCode {
    invalid_argument,   // The request or the spec is wrong; retrying does not help.
    not_found,          // No such daemon, file or plugin.
    already_exists,     // The name is taken.
    invalid_state,      // Valid in itself, but not in the present state.
    permission_denied,  // The OS or the endpoint refused.
    timed_out,          // A deadline passed.
    unavailable,        // The other side (manager, disk, plugin) cannot be reached now.
    unsupported,        // The driver, platform or kernel cannot do this.
    corrupt,            // Stored data cannot be trusted.
    cancelled,          // Superseded by a later request or by shutdown.
    failed,             // The system could not do it: no such program, no memory.
    internal,           // Operation failed for any other reason.
};

std::string_view to_string(ErrorCode code) noexcept;

// A failure with a message for a person: "cannot VERB OBJECT: CAUSE", lower case, in the user's
// words.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;

    // Puts context in front: Error{"no such file"}.with("cannot read a.yaml") reads
    // "cannot read a.yaml: no such file". Add context once per layer.
    [[nodiscard]] Error with(std::string_view context) const {
        return {code, std::string(context) + ": " + message};
    }

    bool operator==(const Error&) const = default;
};

}  // namespace syspulse
