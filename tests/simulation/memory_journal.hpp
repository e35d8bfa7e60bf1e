// A journal in memory that can be told to refuse writes. It outlives the managers of a simulation,
// as a disk would.
#pragma once

#include <algorithm>
#include <functional>
#include <ostream>
#include <variant>

#include "base/random.hpp"
#include "digest.hpp"
#include "model/journal.hpp"

namespace syspulse::simulation {

class MemoryJournal final : public model::Journal {
  public:
    explicit MemoryJournal(Random& random) : random_(random) {}

    double write_fails = 0;      // Probability per commit.
    std::size_t most_asked = 0;  // Lines of history at once.

    Result<model::JournalSnapshot> load() override { return snapshot_; }

    // Whether a new manager would look for the process of this run.
    bool knows(RunId run) const {
        return std::any_of(
            snapshot_.instances.begin(), snapshot_.instances.end(),
            [run](const model::StoredInstance& i) { return i.run_live && i.run == run; });
    }
    bool knows(const std::string& name) const {
        return std::any_of(snapshot_.specs.begin(), snapshot_.specs.end(),
                           [&](const model::StoredSpec& s) { return s.name == name; });
    }

    // Of what nothing can be recorded, whatever is done.
    std::function<bool(const model::JournalRecord&)> refuses;
    std::size_t commits = 0;  // Attempts.
    // Of all that was recorded, in its order.
    Digest digest;
    std::ostream* trace = nullptr;  // Gets the history as it is recorded.

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

    Result<std::vector<model::HistoryEntry>> history(const model::HistoryQuery& query) override {
        most_asked = std::max(most_asked, query.limit);
        std::vector<model::HistoryEntry> found;
        for (const model::HistoryEntry& entry : history_) {
            const bool named = query.daemon.empty() || query.daemon == entry.daemon;
            if (named && entry.id > query.after_id && entry.id < query.before_id)
                found.push_back(entry);
        }
        const auto extra = found.size() - std::min(found.size(), query.limit);
        found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(extra));
        return found;
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
        digest.add(r.spec.uuid);
        snapshot_.specs.push_back(r.spec);
        snapshot_.instances.emplace_back().uuid = r.spec.uuid;
    }
    void apply(model::SpecReplaced& r) {
        digest.add(r.spec.spec_json);
        snapshot_.specs.at(index(r.spec.uuid)) = r.spec;
    }
    void apply(model::SpecRemoved& r) {
        digest.add(r.uuid);
        const auto at = static_cast<std::ptrdiff_t>(index(r.uuid));
        snapshot_.specs.erase(snapshot_.specs.begin() + at);
        snapshot_.instances.erase(snapshot_.instances.begin() + at);
    }
    void apply(model::InstanceChanged& r) {
        digest.add(r.instance.uuid);
        digest.add(to_string(r.instance.state));
        digest.add(r.instance.run.value);
        digest.add(r.instance.attempt);
        const std::size_t at = index(r.instance.uuid);
        if (at < snapshot_.instances.size()) snapshot_.instances[at] = r.instance;
    }
    void apply(model::RunChanged& r) {
        digest.add(r.run.run.value);
        digest.add(static_cast<std::uint64_t>(r.run.pid));
        snapshot_.last_run = std::max(snapshot_.last_run, r.run.run);
    }
    void apply(model::DaemonsLeft& r) { snapshot_.daemons_left = r.left; }
    void apply(model::HistoryAdded& r) {
        r.entry.id = ++snapshot_.last_history_id;
        digest.add(static_cast<std::uint64_t>(to_unix_ms(r.entry.at)));
        for (const std::string* text :
             {&r.entry.daemon, &r.entry.kind, &r.entry.from, &r.entry.to, &r.entry.reason})
            digest.add(*text);
        if (trace != nullptr) print(r.entry);
        if (history_.size() < 4000) history_.push_back(r.entry);
    }

    void print(const model::HistoryEntry& e) const {
        *trace << format_rfc3339(e.at) << ' ' << e.daemon << " run " << e.run.value << ' ' << e.kind
               << ' ' << e.from << " > " << e.to << " (" << e.reason << ")\n";
    }

    Random& random_;
    model::JournalSnapshot snapshot_;
    std::vector<model::HistoryEntry> history_;
};

}  // namespace syspulse::simulation
