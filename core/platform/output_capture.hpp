// How a daemon's output gets into its log files, whatever does it: core/logs implements it with
// FIFOs and a capture thread, the simulator ignores it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

struct CaptureSettings {
    std::uint64_t max_size_bytes = 0;
    std::uint32_t retain_count = 0;
    bool compress_rotated = false;
    bool timestamps = false;
    bool wait_when_full = false;  // Leave in the pipe what cannot be written, instead of dropping.
    // The number of the user that the child runs as, who may then open its stdout and stderr by
    // name (/dev/stdout). Absent: whoever may do so already, for one that runs.
    std::optional<std::uint32_t> user{};

    bool operator==(const CaptureSettings&) const = default;
};

// Of both streams of a daemon, since this process captures them.
struct OutputCount {
    std::uint64_t bytes = 0;  // Written to the log files.
    std::uint64_t dropped_bytes = 0;
};

// Given to the child as stdout and stderr. They stay the capture's and are valid until
// handles_used(), run_ended(), close() or the next open() of the same daemon.
struct CaptureHandles {
    NativeHandle out = no_handle;
    NativeHandle err = no_handle;
};

// [loop thread]
class OutputCapture {
  public:
    virtual ~OutputCapture() = default;

    // Creates what a daemon's first start would create otherwise. What fails is tried again by
    // open(), which reports it.
    virtual void prepare(const std::string& daemon, const CaptureSettings& settings) {
        static_cast<void>(daemon);
        static_cast<void>(settings);
    }

    // Prepares the log files of a daemon and starts capturing, or goes on with what an earlier
    // manager began. Idempotent; new settings apply at once. Called right before each spawn, and
    // once for each process that is taken over from an earlier manager.
    virtual Result<CaptureHandles> open(const std::string& daemon,
                                        const CaptureSettings& settings) = 0;

    // Whether a run of the daemon may be writing into pipes.
    virtual bool has_pipes(const std::string& daemon) const {
        static_cast<void>(daemon);
        return true;
    }

    // The child holds the handles now, or nobody will: an idle daemon should not cost descriptors,
    // and the end of the last writer can be seen only when the capture holds no writing end itself.
    virtual void handles_used(const std::string& daemon) { static_cast<void>(daemon); }

    // All output of the run that ended is in the files soon after; captured partial lines are
    // completed.
    virtual void run_ended(const std::string& daemon) = 0;

    // Calls `done` once, on any thread, when what the daemon has written by now is in its files; or
    // is not going to be soon, because there is too much of it or no room for it. At the latest,
    // the end of the capture brings it about. It may call nothing of the capture.
    virtual void when_written(const std::string& daemon, std::function<void()> done) {
        static_cast<void>(daemon);
        done();
    }

    virtual OutputCount count(const std::string& daemon) const {
        static_cast<void>(daemon);
        return {};
    }

    // Calls `done` once, on any thread, with how many lines were written to the log files since
    // this process captures them. That may take as long as reading a file; at the latest, the end
    // of the capture brings it about. It may call nothing of the capture.
    virtual void count_lines(const std::string& daemon, std::function<void(std::uint64_t)> done) {
        static_cast<void>(daemon);
        done(0);
    }

    // Stops capturing when the daemon is removed. The log files stay, for whoever wants to know
    // later.
    virtual void close(const std::string& daemon) = 0;
};

}  // namespace syspulse::platform
