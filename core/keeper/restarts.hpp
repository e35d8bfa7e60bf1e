// Whether and when the next manager is started after one that ended unasked. No clock, no memory of
// its own to allocate: whoever starts managers tells what happens to them.
#pragma once

namespace syspulse::keeper {

class Restarts {
  public:
    // A manager that served and ended sooner than this was short-lived. Many of them in a row are
    // slowed down; a single one is replaced at once.
    static constexpr long settled_ms = 1000;
    static constexpr long first_delay_ms = 100;  // After one that never served; doubled each time.
    // A manager that crashes is replaced at once, the next ones after pauses that grow from
    // first_delay_ms to this, until one has lived for calm_ms.
    static constexpr long longest_delay_ms = 10'000;
    static constexpr long calm_ms = 600'000;

    struct Next {
        bool give_up = false;
        long after_ms = 0;
    };

    void started() { settled_ = false; }
    void served() { unready_deaths_ = 0; }
    void settled() { settled_ = true; }  // It has served for settled_ms.
    bool is_settled() const { return settled_; }
    void calm() { crashes_ = 0; }  // It has lived for calm_ms.
    bool is_calm() const { return crashes_ == 0; }

    // A manager has ended: `served` says whether this one had served, `any_served` whether one
    // before it or itself had, `crashed` whether it was its own fault.
    Next ended(bool served, bool any_served, bool crashed = false) {
        if (crashed) ++crashes_;
        unready_deaths_ = served ? 0 : unready_deaths_ + 1;
        short_lives_ = settled_ ? 0 : short_lives_ + 1;
        if (unready_deaths_ >= (any_served ? unready_deaths_of_next_max : unready_deaths_max))
            return {true, 0};
        if (!served) return {false, first_delay_ms << (unready_deaths_ - 1)};
        const long pause = short_lives_ < short_lives_max ? 0 : settled_ms;
        return {false, crashed && pause_after_crash() > pause ? pause_after_crash() : pause};
    }
    int unready_deaths() const { return unready_deaths_; }  // In a row.

  private:
    // So many managers in a row that end before they serve make the keeper give up: soon where none
    // has served yet, and after most of a minute where daemons depend on it, as a full disk or a
    // registry that somebody holds may pass.
    static constexpr int unready_deaths_max = 5;
    static constexpr int unready_deaths_of_next_max = 10;
    static constexpr int short_lives_max = 50;

    long pause_after_crash() const {
        if (crashes_ < 2) return 0;
        if (crashes_ > 8) return longest_delay_ms;
        return first_delay_ms << (crashes_ - 2);
    }

    int unready_deaths_ = 0;
    int crashes_ = 0;
    int short_lives_ = 0;
    bool settled_ = false;
};

}  // namespace syspulse::keeper
