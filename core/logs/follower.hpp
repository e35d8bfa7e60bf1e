// Follows a daemon's log files as they grow, across rotation, truncation and restarts of the
// daemon; the files need not exist yet. The owner pulls: what it does not read waits on disk, so a
// slow client costs no memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "logs/reader.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::logs {

// [loop thread]
class Follower {
  public:
    virtual ~Follower() = default;

    // Appends lines, and pieces of lines longer than max_line_bytes, until about
    // `max_bytes` are read or nothing more is there. Of two streams a
    // line comes when it is complete, of one so much of it as there is. Returns false in the latter
    // case; `readable` is then called once when there may be more. Never called from inside
    // read_some(), nor after destruction.
    virtual Result<bool> read_some(std::vector<Line>& lines, std::size_t max_bytes) = 0;
};

// The part of following that is not reading, for an owner who reads on another thread.
// [loop thread]
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

// Goes on where `reader` stands: its remaining lines come first, nothing is left out or doubled.
// `readable` is first called soon after, from the loop.
Result<std::unique_ptr<Follower>> follow(platform::EventLoop& loop, Reader reader,
                                         std::function<void()> readable);

}  // namespace syspulse::logs
