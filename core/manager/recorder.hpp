// What turns bring about goes through here into the journal. What cannot be written now waits and
// is tried again by a timer, not by every turn: a journal that is locked or full costs the loop
// little, however much happens meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/journal.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::manager {

// Leaves out what later records make void: of each daemon and of each run only the last state
// stays, and of history and of runs the newest, up to these numbers. The order stays.
constexpr std::size_t waiting_lines_max = 2000;
constexpr std::size_t waiting_runs_max = 1000;
std::vector<model::JournalRecord> without_outdated(std::vector<model::JournalRecord> records);

// [loop thread]
class Recorder {
  public:
    // `recorded` gets each line of history once it is written, also when that is later than the
    // turn; `late` is called after such a later time. All outlive the recorder.
    Recorder(model::Journal& journal, platform::EventLoop& loop, const platform::Clock& clock,
             std::function<void(const model::HistoryEntry&)> recorded, std::function<void()> late);
    ~Recorder();
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    // To be written with the next turn.
    void note(model::HistoryEntry entry);
    // Writes it now, or waits with it. Of what the journal refuses for what it says, the rest is
    // written nevertheless; only the newest state of a daemon is kept for another try.
    void write(std::vector<model::JournalRecord> records);
    // All or nothing, after what waits and what was refused.
    Result<void> write_now(std::vector<model::JournalRecord> records);
    // What waits, as nothing is written afterwards: at the cost of the journal's reserve and, where
    // that does not suffice, of the history.
    void write_last();

    // Whether the journal lacks the present state of this daemon.
    bool holds_back(const std::string& uuid) const { return !writable_ || refused_.contains(uuid); }

    // Why the last write failed; empty when all is recorded.
    const std::string& error() const { return error_; }

  private:
    using Records = std::vector<model::JournalRecord>;

    void attempt();
    void write_apart(Records& records);
    void write_states_one_by_one(Records& states);
    void retry_refused();
    void written(const Records& records);
    void failed(const Error& error);
    void retry_later();
    void retry();

    model::Journal& journal_;
    platform::EventLoop& loop_;
    const platform::Clock& clock_;
    std::function<void(const model::HistoryEntry&)> recorded_;
    std::function<void()> late_;

    Records waiting_;  // In the order in which they came about.
    std::map<std::string, model::StoredInstance>
        refused_;  // The newest states of daemons, by uuid.
    std::size_t compact_at_ = 0;
    std::string error_;
    bool writable_ = true;  // As far as the last attempt tells.
    bool history_refused_ = false;
    Duration delay_{};  // Until the next attempt.
    platform::TimerId timer_ = 0;
};

}  // namespace syspulse::manager
