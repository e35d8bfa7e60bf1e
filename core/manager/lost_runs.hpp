// Runs that have ended and nobody here saw how: those of an earlier manager of which no process is
// found any more, and adopted ones whose driver was told nothing. How they ended may be seen, but
// not recorded yet, by the process that was their parent meanwhile; what is to be said about them
// waits for that, as long as it takes.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::manager {

// [loop thread]
class LostRuns {
  public:
    // What is known without the parent: that there is no process (any more), or that it has ended.
    using Finding = std::variant<Error, ExitStatus>;
    using Settle = std::function<void(RunId run, const Finding& finding)>;

    // `ask` requests all ends up to now and `told` says whether they are known; without them each
    // run is settled at once. `settle` must not destroy this object.
    LostRuns(platform::EventLoop& loop, const platform::Clock& clock, std::function<void()> ask,
             std::function<bool()> told, Settle settle);
    ~LostRuns();
    LostRuns(const LostRuns&) = delete;
    LostRuns& operator=(const LostRuns&) = delete;

    void add(RunId run, Finding finding);
    // All is to come to an end soon, also if no answer does.
    void hurry();

  private:
    using Runs = std::vector<std::pair<RunId, Finding>>;

    void ask();
    void look();
    bool is_late(Instant now);

    platform::EventLoop& loop_;
    const platform::Clock& clock_;
    std::function<void()> ask_;
    std::function<bool()> told_;
    Settle settle_;
    Runs asked_;  // Lost before the question under way.
    Runs later_;  // Since then.
    Instant asked_at_{};
    bool complained_ = false;  // Of the question under way.
    Duration pause_{};
    std::optional<Instant> patience_end_;
    platform::TimerId timer_ = 0;
};

}  // namespace syspulse::manager
