// How a daemon's output gets into its log files, whatever does it: core/logs implements it with FIFOs
// and a capture thread, the simulator ignores it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

struct CaptureSettings {
    std::uint64_t max_size_bytes = 0;
    std::uint32_t retain_count = 0;
    bool compress_rotated = false;
    bool timestamps = false;
};

struct CaptureHandles {
    NativeHandle out = no_handle;  // Given to the child as stdout; stays the capture's.
    NativeHandle err = no_handle;
};

// [loop thread]
class OutputCapture {
  public:
    virtual ~OutputCapture() = default;

    // Prepares the log files of a daemon and starts capturing, or goes on with what an earlier manager
    // began. Idempotent; new settings apply at once.
    virtual Result<CaptureHandles> open(const std::string& daemon, const CaptureSettings& settings) = 0;

    // All output of the run that ended is in the files soon after; captured partial lines are completed.
    virtual void run_ended(const std::string& daemon) = 0;

    // Stops capturing; the files stay.
    virtual void close(const std::string& daemon) = 0;
};

}  // namespace syspulse::platform
