#include "manager/lost_runs.hpp"

#include <chrono>

namespace syspulse::manager {
namespace {

constexpr Duration pause{std::chrono::milliseconds{2}};
// Longer than the keeper looks for children; it answers sooner unless it hangs.
constexpr Duration patience{std::chrono::seconds{2}};

}  // namespace

LostRuns::LostRuns(platform::EventLoop& loop, const platform::Clock& clock,
                   std::function<void()> ask, std::function<bool()> told, Settle settle)
    : loop_(loop),
      clock_(clock),
      ask_(std::move(ask)),
      told_(std::move(told)),
      settle_(std::move(settle)) {}

LostRuns::~LostRuns() {
    if (timer_ != 0) loop_.cancel_timer(timer_);
}

void LostRuns::add(RunId run, Error why) {
    if (!ask_) return settle_(run, why);
    later_.emplace_back(run, std::move(why));
    if (timer_ == 0) ask();
}

void LostRuns::ask() {
    asked_ = std::exchange(later_, {});
    patience_end_ = clock_.now().mono + patience;
    ask_();
    look();
}

void LostRuns::look() {
    const auto now = clock_.now().mono;
    if (!told_() && now < patience_end_) {
        timer_ = loop_.start_timer(now + pause, [this] {
            timer_ = 0;
            look();
        });
        return;
    }
    for (const auto& [run, why] : std::exchange(asked_, {})) settle_(run, why);
    if (!later_.empty()) ask();
}

}  // namespace syspulse::manager
