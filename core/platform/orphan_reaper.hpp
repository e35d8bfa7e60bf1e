// Adopts processes whose parents died below us and collects them when they end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

// Makes this process the one that orphans below it are handed to.
Result<void> become_subreaper();

// [loop thread]
class OrphanReaper {
  public:
    virtual ~OrphanReaper() = default;
    // Some child ended (SIGCHLD). Cheap: looks only after a while, once for many.
    virtual void child_ended() = 0;
};

// Collects ended children for which `is_ours` is false and that nobody has collected for two
// seconds: a child of a plugin is collected by the plugin long before that, an orphan by nobody
// else. Neither takes the exit status of a driver's process nor overlooks an orphan behind one.
std::unique_ptr<OrphanReaper> make_orphan_reaper(EventLoop& loop, const Clock& clock,
                                                 std::function<bool(std::int64_t)> is_ours);

}  // namespace syspulse::platform
