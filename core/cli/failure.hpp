// What went wrong, in the words of the API, and the exit code that says so.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "cli/connection.hpp"
#include "cli/context.hpp"
#include "cli/exit_code.hpp"

namespace syspulse::cli {

struct Failure {
    ExitCode exit = ExitCode::failed;
    int code = 500;  // As in the API's errors; also for what never reached the API.
    std::string kind;
    std::string message;
};

struct NamedFailure {
    std::string name;
    Failure failure;
};

Failure failure_of(const Error& error);

// Of an answer whose status is 400 or above.
Failure failure_of(const Response& response);

// Of something else that was not found: the exit code of a missing daemon would mislead.
Failure not_of_a_daemon(Failure failure);

Failure usage_failure(std::string message);
// `known` are the names that there are.
Failure no_such_daemon(std::string_view name, std::span<const std::string_view> known);

// Tells it on stderr, as text or as the error object, and returns the exit code.
ExitCode report(Context& context, const Failure& failure);

// The same for several daemons: one line each, or one error object for the worst that lists all.
ExitCode report(Context& context, std::span<const NamedFailure> failures);

// Why the manager did not run in this very process.
Failure failure_of(const manager::Refusal& refusal);

// What came of running the manager in this very process.
ExitCode conclude(Context& context, const manager::Outcome& outcome);

}  // namespace syspulse::cli
