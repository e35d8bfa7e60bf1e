// A journal in memory that can be told to refuse writes. It outlives the managers of a simulation,
// as a disk would.
#pragma once

#include <algorithm>
#include <functional>
#include <variant>

#include "base/random.hpp"
#include "model/journal.hpp"

namespace syspulse::simulation {

class MemoryJournal final : public model::Journal {
  public:
    explicit MemoryJournal(Random& random) : random_(random) {}

    double write_fails = 0;  // Probability per commit.

    Result<model::JournalSnapshot> load() override { return snapshot_; }

    // Of what nothing can be recorded, whatever is done.
    std::function<bool(const model::JournalRecord&)> refuses;
    std::size_t commits = 0;  // Attempts.

    Result<void> commit(std::span<model::JournalRecord> records) override {
        ++commits;
        if (refuses && std::any_of(records.begin(), records.end(), refuses))
            return Error{ErrorCode::corrupt, "simulated damage"};
        if (random_.chance(write_fails))
            return Error{ErrorCode::unavailable, "simulated full disk"};
        for (model::JournalRecord& record : records) {
            std::visit([this](auto& r) { apply(r); }, record);
        }
        return {};
    }

    Result<std::vector<model::HistoryEntry>> history(const model::HistoryQuery&) override {
        return history_;
    }
    Result<std::vector<model::StoredRun>> runs(const std::string&, std::size_t) override {
        return std::vector<model::StoredRun>{};
    }

  private:
    std::size_t index(const std::string& uuid) const {
        const auto found = std::find_if(snapshot_.specs.begin(), snapshot_.specs.end(),
                                        [&](const model::StoredSpec& s) { return s.uuid == uuid; });
        return static_cast<std::size_t>(found - snapshot_.specs.begin());
    }
    void apply(model::SpecAdded& r) {
        snapshot_.specs.push_back(r.spec);
        snapshot_.instances.emplace_back().uuid = r.spec.uuid;
    }
    void apply(model::SpecReplaced& r) { snapshot_.specs.at(index(r.spec.uuid)) = r.spec; }
    void apply(model::SpecRemoved& r) {
        const auto at = static_cast<std::ptrdiff_t>(index(r.uuid));
        snapshot_.specs.erase(snapshot_.specs.begin() + at);
        snapshot_.instances.erase(snapshot_.instances.begin() + at);
    }
    void apply(model::InstanceChanged& r) {
        const std::size_t at = index(r.instance.uuid);
        if (at < snapshot_.instances.size()) snapshot_.instances[at] = r.instance;
    }
    void apply(model::RunChanged& r) {
        snapshot_.last_run = std::max(snapshot_.last_run, r.run.run);
    }
    void apply(model::HistoryAdded& r) {
        r.entry.id = ++snapshot_.last_history_id;
        if (history_.size() < 4000) history_.push_back(r.entry);
    }

    Random& random_;
    model::JournalSnapshot snapshot_;
    std::vector<model::HistoryEntry> history_;
};

}  // namespace syspulse::simulation
