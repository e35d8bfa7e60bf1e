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

// One deadline for a whole command, however many daemons it is about and however many of them are
// waited for at a time.
class WaitLimits {
  public:
    WaitLimits(const Context& context, const Arguments& arguments);

    // {"wait":true,"timeout_secs":60,"force":true}, with what the command line asks for and the
    // time that is left now.
    std::string body() const;
    // How long we wait for the manager's answer: longer than it may wait, so that it tells.
    std::optional<Duration> request() const;
    bool limited() const { return limited_; }
    bool until_ready() const { return arguments_.has("wait"); }

  private:
    Duration left() const;

    const Context& context_;
    const Arguments& arguments_;
    bool limited_;
    Instant end_;
};

// Whether a daemon in this state needs nothing done.
using Reached = bool (*)(std::string_view state);

// Like perform(), for a command that brings daemons into a state. A daemon that was selected by
// pattern, --tag or --all, or that another of the same command took along, may be there already:
// that is no failure. For one that was asked for by name it is what the manager says it is. With
// `until_ready` who waits in vain is told where to read what those daemons wrote.
ExitCode perform_towards(Context& context, const Arguments& arguments, Reached reached,
                         const std::function<Call(const std::string& name)>& request,
                         const std::function<std::string(const Deed&)>& success, bool waits = false,
                         bool until_ready = false);

// "started (pid 123)", or what the answer says instead.
std::string outcome(const Deed& deed, std::string_view done);

// More lines about a stop: who was stopped along with the daemon.
std::string taken_along(const Deed& deed);

}  // namespace syspulse::cli
