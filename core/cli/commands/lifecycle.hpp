// What start, stop and restart have in common.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "cli/selection.hpp"

namespace syspulse::cli {

// How long `--wait` waits when `--timeout` says nothing.
constexpr Duration wait_timeout_default = std::chrono::seconds{60};

struct WaitLimits {
    Duration manager{0};              // How long the manager may wait.
    std::optional<Duration> request;  // How long we wait for its answer: longer, so that it tells.
};

WaitLimits wait_limits(const Arguments& arguments);

// {"wait":true,"timeout_secs":60,"force":true}, with what the command line asks for.
std::string wait_body(const Arguments& arguments, const WaitLimits& limits);

// Whether a daemon in this state needs nothing done.
using Reached = bool (*)(std::string_view state);

// Like perform(), for a command that brings daemons into a state. A daemon that was selected by
// pattern, --tag or --all, or that another of the same command took along, may be there already:
// that is no failure. For one that was asked for by name it is what the manager says it is.
ExitCode perform_towards(Context& context, const Arguments& arguments, Reached reached,
                         const std::function<Call(const std::string& name)>& request,
                         const std::function<std::string(const Deed&)>& success);

// "started (pid 123)", or what the answer says instead.
std::string outcome(const Deed& deed, std::string_view done);

}  // namespace syspulse::cli
