// What start, stop and restart have in common.
#pragma once

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

// "started (pid 123)", or what the answer says instead.
std::string outcome(const Deed& deed, std::string_view done);

}  // namespace syspulse::cli
