// Runs of an earlier manager of which no process is found any more. How they ended may be seen, but
// not recorded yet, by the process that was their parent meanwhile; what is to be said about them
// waits for that.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::manager {

// [loop thread]
class LostRuns {
  public:
    using Settle = std::function<void(RunId run, const Error& why)>;

    // `ask` requests all ends up to now and `told` says whether they are known; without them each
    // run is settled at once. `settle` must not destroy this object.
    LostRuns(platform::EventLoop& loop, const platform::Clock& clock, std::function<void()> ask,
             std::function<bool()> told, Settle settle);
    ~LostRuns();
    LostRuns(const LostRuns&) = delete;
    LostRuns& operator=(const LostRuns&) = delete;

    void add(RunId run, Error why);

  private:
    using Runs = std::vector<std::pair<RunId, Error>>;

    void ask();
    void look();

    platform::EventLoop& loop_;
    const platform::Clock& clock_;
    std::function<void()> ask_;
    std::function<bool()> told_;
    Settle settle_;
    Runs asked_;  // Lost before the question under way.
    Runs later_;  // Since then.
    Instant patience_end_{};
    platform::TimerId timer_ = 0;
};

}  // namespace syspulse::manager
