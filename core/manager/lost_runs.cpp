#include "manager/lost_runs.hpp"

#include <algorithm>
#include <chrono>

#include "base/log.hpp"

namespace syspulse::manager {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 2ms;  // Doubled with each look.
constexpr Duration longest_pause = 64ms;
// An answer that takes longer than this is worth a word. The parent is alive, because it takes its
// manager along, and so an end that it will have seen is certain to be told.
constexpr Duration remarkable = 5s;
// In a hurry, what is not known after this long stays unknown.
constexpr Duration last_patience = 10s;

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

void LostRuns::add(RunId run, Finding finding) {
    if (!ask_) return settle_(run, finding);
    later_.emplace_back(run, std::move(finding));
    if (timer_ == 0) ask();
}

void LostRuns::hurry() {
    if (!patience_end_) patience_end_ = clock_.now().mono + last_patience;
}

void LostRuns::ask() {
    asked_ = std::exchange(later_, {});
    asked_at_ = clock_.now().mono;
    complained_ = false;
    pause_ = first_pause;
    ask_();
    look();
}

bool LostRuns::is_late(Instant now) {
    if (!complained_ && now - asked_at_ >= remarkable) {
        complained_ = true;
        log::warn("the keeper does not say how " + std::to_string(asked_.size()) +
                  " runs ended, which is waited for; is it held still?");
    }
    return patience_end_ && now >= *patience_end_;
}

void LostRuns::look() {
    const auto now = clock_.now().mono;
    if (!told_() && !is_late(now)) {
        timer_ = loop_.start_timer(now + pause_, [this] {
            timer_ = 0;
            look();
        });
        pause_ = std::min(2 * pause_, longest_pause);
        return;
    }
    for (const auto& [run, finding] : std::exchange(asked_, {})) settle_(run, finding);
    if (!later_.empty()) ask();
}

}  // namespace syspulse::manager
