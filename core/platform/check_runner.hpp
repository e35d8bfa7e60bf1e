// How the manager has health checked, whatever checks it: plugin_host implements it with checker
// plugins, the simulator with scripted answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "model/metric.hpp"

namespace syspulse::platform {

struct CheckRequest {
    CheckId check;
    DaemonKey daemon;
    std::string unit;
    std::string checker;  // The plugin's name.
    std::string target;
    std::string options_json;  // The spec's `with:` block.
    std::int64_t pid = 0;
    Duration timeout{0};
};

struct CheckReport {
    enum class Outcome : std::uint8_t {
        passed,
        failed,   // Checked, and not healthy.
        errored,  // Could not be checked, which counts as not healthy.
        lost,     // Nobody was there to check it; tells nothing about the daemon.
    };
    Outcome outcome = Outcome::errored;
    std::string message;  // One line.
    Duration latency{0};
    std::vector<model::Metric> metrics{};
};

// [loop thread]
class CheckObserver {
  public:
    virtual ~CheckObserver() = default;
    // Exactly once for every started check that was not cancelled; never from inside start().
    virtual void checked(CheckId check, const CheckReport& report) = 0;
};

// [loop thread]
class CheckRunner {
  public:
    virtual ~CheckRunner() = default;
    virtual void set_observer(CheckObserver* observer) = 0;
    // A checker instance may be kept per daemon; forget() drops it.
    virtual void start(const CheckRequest& request) = 0;
    virtual void cancel(CheckId check) = 0;  // No report follows.
    virtual void forget(DaemonKey daemon) = 0;
};

}  // namespace syspulse::platform
