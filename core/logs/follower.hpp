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

// Goes on where `reader` stands: its remaining lines come first, nothing is left out or doubled.
// `readable` is first called soon after, from the loop.
Result<std::unique_ptr<Follower>> follow(platform::EventLoop& loop, Reader reader,
                                         std::function<void()> readable);

}  // namespace syspulse::logs
