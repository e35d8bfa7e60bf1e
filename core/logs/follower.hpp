// Follows a daemon's log files as they grow, across rotation, truncation and restarts of the
// daemon; the files need not exist yet. The owner reads when it likes: what it does not read waits
// on disk, so a slow client costs no memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "logs/reader.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::logs {

// The part of following that is not reading, which belongs on another thread. [loop thread]
class LogWatch {
  public:
    virtual ~LogWatch() = default;

    // The owner has read all there was since it was told: `readable` is called once when there may
    // be more, which may have come while it read.
    virtual void caught_up() = 0;
};

// Tells of what comes to the files that `reader` reads; the first call to `readable` comes soon
// after, from the loop. From now on the reader holds back lines of two streams that are not
// complete; it may be moved and used elsewhere.
Result<std::unique_ptr<LogWatch>> watch_logs(platform::EventLoop& loop, Reader& reader,
                                             std::function<void()> readable);

}  // namespace syspulse::logs
