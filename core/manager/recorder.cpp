#include "manager/recorder.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include "base/log.hpp"

namespace syspulse::manager {
namespace {

constexpr Duration first_retry = std::chrono::milliseconds{100};
constexpr Duration last_retry = std::chrono::seconds{1};

bool is_history(const model::JournalRecord& record) {
    return std::holds_alternative<model::HistoryAdded>(record);
}

// What may go away by itself: a lock, a full disk.
bool is_passing(ErrorCode code) {
    return code == ErrorCode::unavailable || code == ErrorCode::permission_denied;
}

// Sees the records from the last to the first.
class OutdatedFilter {
  public:
    bool drops(const model::JournalRecord& record) {
        return std::visit([this](const auto& change) { return is_outdated(change); }, record);
    }

  private:
    bool is_outdated(const model::SpecAdded&) { return false; }
    bool is_outdated(const model::SpecReplaced&) { return false; }
    bool is_outdated(const model::SpecRemoved& removed) {
        states_.insert(removed.uuid);
        removed_.insert(removed.uuid);
        return false;
    }
    bool is_outdated(const model::InstanceChanged& changed) {
        return !states_.insert(changed.instance.uuid).second;
    }
    bool is_outdated(const model::RunChanged& changed) {
        return removed_.contains(changed.run.uuid) || runs_.size() >= waiting_runs_max ||
               !runs_.insert(changed.run.run).second;
    }
    bool is_outdated(const model::DaemonsLeft&) { return false; }
    bool is_outdated(const model::HistoryAdded&) { return ++lines_ > waiting_lines_max; }

    std::set<std::string> states_;
    std::set<std::string> removed_;
    std::set<RunId> runs_;
    std::size_t lines_ = 0;
};

}  // namespace

std::vector<model::JournalRecord> without_outdated(std::vector<model::JournalRecord> records) {
    OutdatedFilter filter;
    std::vector<model::JournalRecord> kept;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (!filter.drops(*record)) kept.push_back(std::move(*record));
    }
    std::reverse(kept.begin(), kept.end());
    return kept;
}

Recorder::Recorder(model::Journal& journal, platform::EventLoop& loop, const platform::Clock& clock,
                   std::function<void(const model::HistoryEntry&)> recorded,
                   std::function<void()> late)
    : journal_(journal),
      loop_(loop),
      clock_(clock),
      recorded_(std::move(recorded)),
      late_(std::move(late)) {}

Recorder::~Recorder() {
    if (timer_ != 0) loop_.cancel_timer(timer_);
}

void Recorder::note(model::HistoryEntry entry) {
    waiting_.emplace_back(model::HistoryAdded{std::move(entry)});
}

void Recorder::write(Records records) {
    if (waiting_.empty()) {
        waiting_ = std::move(records);
    } else {
        std::move(records.begin(), records.end(), std::back_inserter(waiting_));
    }
    if (waiting_.empty()) return;
    if (writable_) return attempt();
    if (waiting_.size() < compact_at_) return;
    waiting_ = without_outdated(std::move(waiting_));
    compact_at_ = 2 * waiting_.size() + waiting_runs_max;
}

Result<void> Recorder::write_now(Records records) {
    if (!writable_ || !waiting_.empty()) attempt();
    if (!writable_) return Error{ErrorCode::unavailable, error_};
    retry_refused();
    if (auto done = journal_.commit(records); !done) return done;
    written(records);
    return {};
}

void Recorder::write_last() {
    if (write_now({}) || !journal_.free_reserve() || write_now({})) return;
    std::erase_if(waiting_, is_history);
    static_cast<void>(write_now({}).has_value());
}

void Recorder::attempt() {
    writable_ = true;
    Records records = std::exchange(waiting_, {});
    const auto done = journal_.commit(records);
    if (done) return written(records);
    failed(done.error());
    if (!is_passing(done.error().code)) return write_apart(records);
    writable_ = false;
    waiting_ = without_outdated(std::move(records));
    compact_at_ = 2 * waiting_.size() + waiting_runs_max;
    retry_later();
}

// The states come first: a new manager relies on them, while a line of history harms nobody.
void Recorder::write_apart(Records& records) {
    Records lines;
    Records states;
    for (model::JournalRecord& record : records)
        (is_history(record) ? lines : states).push_back(std::move(record));
    history_refused_ = history_refused_ || !lines.empty();
    if (!states.empty()) {
        if (journal_.commit(states)) {
            written(states);
        } else {
            write_states_one_by_one(states);
        }
    }
    if (!lines.empty() && journal_.commit(lines)) written(lines);
}

void Recorder::write_states_one_by_one(Records& states) {
    for (model::JournalRecord& record : states) {
        Records single;
        single.push_back(std::move(record));
        if (const auto done = journal_.commit(single)) {
            written(single);
        } else {
            failed(done.error());
            const auto* changed = std::get_if<model::InstanceChanged>(&single.front());
            if (changed != nullptr) refused_[changed->instance.uuid] = changed->instance;
        }
    }
    if (!refused_.empty()) retry_later();
}

void Recorder::retry_refused() {
    Records again;
    for (auto& [uuid, instance] : std::exchange(refused_, {}))
        again.emplace_back(model::InstanceChanged{instance});
    if (!again.empty()) write_states_one_by_one(again);
}

void Recorder::written(const Records& records) {
    bool any_history = false;
    for (const model::JournalRecord& record : records) {
        if (const auto* line = std::get_if<model::HistoryAdded>(&record)) {
            any_history = true;
            recorded_(line->entry);
        } else if (const auto* changed = std::get_if<model::InstanceChanged>(&record)) {
            refused_.erase(changed->instance.uuid);
        } else if (const auto* removed = std::get_if<model::SpecRemoved>(&record)) {
            refused_.erase(removed->uuid);
        }
    }
    if (any_history) history_refused_ = false;
    if (error_.empty() || history_refused_ || !refused_.empty()) return;
    log::warn("the registry can be written again");
    error_.clear();
    delay_ = {};
}

void Recorder::failed(const Error& error) {
    if (error_.empty()) log::error("cannot write the registry: " + error.message);
    error_ = error.message;
}

void Recorder::retry_later() {
    if (timer_ != 0) return;
    delay_ = std::clamp(2 * delay_, first_retry, last_retry);
    timer_ = loop_.start_timer(clock_.now().mono + delay_, [this] { retry(); });
}

void Recorder::retry() {
    timer_ = 0;
    if (!writable_) attempt();
    if (writable_) retry_refused();
    late_();
}

}  // namespace syspulse::manager
