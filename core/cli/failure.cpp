#include "cli/failure.hpp"

#include <ostream>
#include <utility>
#include <variant>

#include "cli/json_text.hpp"
#include "cli/text.hpp"
#include "config/suggest.hpp"

namespace syspulse::cli {
namespace {

ExitCode exit_of_status(int status) noexcept {
    switch (status) {
        case 400:
        case 413:
            return ExitCode::usage;
        case 401:
        case 403:
            return ExitCode::permission_denied;
        case 404:
            return ExitCode::no_such_daemon;
        case 409:
            return ExitCode::conflict;
        case 504:
            return ExitCode::timed_out;
        default:  // 503 too: a manager that is full was reached.
            return ExitCode::failed;
    }
}

void print_json(Context& context, const Failure& failure, std::span<const NamedFailure> all) {
    context.err << "{\"error\":{" << failure_members(failure);
    if (all.size() > 1) {
        context.err << ",\"failures\":[";
        for (std::size_t i = 0; i < all.size(); ++i) {
            context.err << (i == 0 ? "" : ",") << "{\"name\":" << json_string(all[i].name) << ','
                        << failure_members(all[i].failure) << '}';
        }
        context.err << ']';
    }
    context.err << "}}\n" << std::flush;
}

// Whether a message tells already which daemon it is about: in quotes, or as in "cannot stop web".
// Elsewhere the name may be part of another word, such as a path.
bool names(const std::string& message, const std::string& daemon) {
    if (message.find('"' + daemon + '"') != std::string::npos) return true;
    constexpr std::string_view cannot = "cannot ";
    if (!message.starts_with(cannot)) return false;
    const auto verb_end = message.find(' ', cannot.size());
    if (verb_end == std::string::npos) return false;
    const std::string_view object = std::string_view(message).substr(verb_end + 1);
    return object == daemon || object.starts_with(daemon + ':') || object.starts_with(daemon + ' ');
}

}  // namespace

Failure failure_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::invalid_argument:
            return {ExitCode::usage, 400, "invalid_request", error.message};
        case ErrorCode::not_found:
            return {ExitCode::no_such_daemon, 404, "not_found", error.message};
        case ErrorCode::already_exists:
            return {ExitCode::conflict, 409, "already_exists", error.message};
        case ErrorCode::invalid_state:
            return {ExitCode::conflict, 409, "invalid_state", error.message};
        case ErrorCode::permission_denied:
            return {ExitCode::permission_denied, 403, "permission_denied", error.message};
        case ErrorCode::timed_out:
            return {ExitCode::timed_out, 504, "timed_out", error.message};
        case ErrorCode::unavailable:
            return {ExitCode::unreachable, 503, "manager_unreachable", error.message};
        case ErrorCode::cancelled:
            return {ExitCode::conflict, 409, "cancelled", error.message};
        case ErrorCode::unsupported:
        case ErrorCode::corrupt:
        case ErrorCode::failed:
        case ErrorCode::internal:
            break;
    }
    return {ExitCode::failed, 500, std::string(to_string(error.code)), error.message};
}

Failure failure_of(const Response& response) {
    Failure failure = decode_failure(response.body);
    failure.code = response.status;
    failure.exit = exit_of_status(response.status);
    if (failure.message.empty()) {
        failure.message = "the manager answered with status " + std::to_string(response.status);
    }
    return failure;
}

Failure not_of_a_daemon(Failure failure) {
    if (failure.exit == ExitCode::no_such_daemon) failure.exit = ExitCode::failed;
    return failure;
}

Failure usage_failure(std::string message) {
    return {ExitCode::usage, 400, "usage", std::move(message)};
}

Failure no_such_daemon(std::string_view name, std::span<const std::string_view> known) {
    return {ExitCode::no_such_daemon, 404, "daemon_not_found",
            "no daemon named \"" + printable(name) + '"' + config::suggestion(name, known) +
                "; see: syspulse list"};
}

ExitCode report(Context& context, const Failure& failure) {
    if (context.json()) {
        print_json(context, failure, {});
    } else {
        context.err << "syspulse: " << printable_lines(failure.message) << '\n' << std::flush;
    }
    return failure.exit;
}

Failure failure_of(const manager::Refusal& refusal) {
    Failure failure = failure_of(refusal.error);
    if (refusal.in_spec) {
        failure.exit = ExitCode::usage;
        failure.kind = "invalid_spec";
    }
    if (failure.exit == ExitCode::unreachable || failure.exit == ExitCode::no_such_daemon) {
        // Nobody tried to reach a manager or a daemon.
        failure = {ExitCode::failed, 500, std::string(to_string(refusal.error.code)),
                   refusal.error.message};
    }
    return failure;
}

ExitCode conclude(Context& context, const manager::Outcome& outcome) {
    if (const int* code = std::get_if<int>(&outcome)) {
        return ExitCode{*code};
    }
    const auto& refusal = std::get<manager::Refusal>(outcome);
    if (refusal.in_spec && !context.json()) {
        context.err << printable_lines(refusal.error.message) << '\n' << std::flush;
        return ExitCode::usage;
    }
    return report(context, failure_of(refusal));
}

ExitCode report(Context& context, std::span<const NamedFailure> failures) {
    if (failures.empty()) {
        return ExitCode::done;
    }
    const Failure* top = &failures.front().failure;
    for (const NamedFailure& one : failures) {
        if (worst(top->exit, one.failure.exit) != top->exit) {
            top = &one.failure;
        }
    }
    if (context.json()) {
        print_json(context, *top, failures);
        return top->exit;
    }
    for (const NamedFailure& one : failures) {
        const std::string message = printable_lines(one.failure.message);
        const bool named = names(message, one.name);
        context.err << "syspulse: " << (named ? "" : printable(one.name) + ": ") << message << '\n';
    }
    context.err << std::flush;
    return top->exit;
}

}  // namespace syspulse::cli
