#include "registry/registry.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>

#include "registry/checkpointer.hpp"
#include "registry/file_names.hpp"
#include "registry/record_store.hpp"
#include "registry/registry_file.hpp"
#include "registry/reserve.hpp"

namespace syspulse::registry {

namespace {

// Daemons whose runs are looked after in one step at most.
constexpr std::size_t daemons_per_step = 64;
// Pages of 4 KiB in the log: from the first on it is written back in the background, so that a new
// manager, which reads all of it before it can serve, reads little. While commits
// never pause, it cannot start anew and grows; at the second a commit writes it back itself.
constexpr int worth_a_checkpoint = 250;
constexpr int too_long = 16000;

class SqliteJournal final : public model::Journal {
  public:
    SqliteJournal(RecordStore store, std::unique_ptr<Checkpointer> checkpointer,
                  RegistryOptions options, std::int64_t last_id, std::optional<Reserve> reserve)
        : store_(std::move(store)),
          checkpointer_(std::move(checkpointer)),
          reserve_(std::move(reserve)),
          options_(options),
          last_id_(last_id) {
        store_.database().set_busy_timeout(options_.commit_busy_timeout);
        store_.database().checkpoint_by_hand(&log_pages_);
    }

    Result<model::JournalSnapshot> load() override;
    Result<void> commit(std::span<model::JournalRecord> records) override;
    Result<std::vector<model::HistoryEntry>> history(const model::HistoryQuery& query) override;
    Result<std::vector<model::StoredRun>> runs(const std::string& uuid, std::size_t limit) override;
    bool free_reserve() override { return reserve_ && reserve_->give(); }

  private:
    Result<void> write_all(std::span<model::JournalRecord> records);
    Result<void> write(model::JournalRecord& record);
    void note_written(std::span<const model::JournalRecord> records);
    void note_run(const std::string& uuid);
    void prune();
    Result<void> prune_step();
    Result<std::vector<std::string>> next_to_prune();
    void note_pruned(const std::vector<std::string>& pruned);
    void keep_log_short();

    RecordStore store_;
    std::unique_ptr<Checkpointer> checkpointer_;  // Ends before the store, which closes last.
    std::optional<Reserve> reserve_;
    int log_pages_ = 0;       // As of the latest commit.
    int asked_at_pages_ = 0;  // What it was at the latest request.
    RegistryOptions options_;
    std::int64_t last_id_;      // Of the newest line of history.
    std::int64_t next_id_ = 0;  // Within a commit.
    RunId highest_run_;         // Within a commit.

    // What retention needs to know since its last step.
    std::uint32_t commits_ = 0;
    std::size_t lines_ = 0;
    std::size_t tried_at_lines_ = 0;  // When a step failed, lines_ stays.
    std::optional<WallTime> latest_at_;
    std::set<std::string> ran_;  // UUIDs with new runs, a bounded number.
    std::string pruned_to_;      // The last of them that the last step looked at.
    // How often all that have runs are to be looked at, because there were more than that: twice
    // when it happened again meanwhile.
    int rounds_ = 0;
    std::string round_at_;  // Likewise of the present round.
};

Result<model::JournalSnapshot> SqliteJournal::load() {
    const std::string context = "cannot read the registry";
    model::JournalSnapshot snapshot;
    auto specs = store_.specs();
    if (!specs) return specs.error().with(context);
    snapshot.specs = std::move(*specs);
    auto instances = store_.instances();
    if (!instances) return instances.error().with(context);
    snapshot.instances = std::move(*instances);
    const auto last_run = store_.last_run();
    if (!last_run) return last_run.error().with(context);
    snapshot.last_run = *last_run;
    const auto left = store_.daemons_left();
    if (!left) return left.error().with(context);
    snapshot.daemons_left = *left;
    snapshot.last_history_id = last_id_;
    return snapshot;
}

Result<void> SqliteJournal::commit(std::span<model::JournalRecord> records) {
    if (records.empty()) return {};
    next_id_ = last_id_ + 1;
    highest_run_ = {};
    if (auto written = write_all(records); !written) {
        for (auto& record : records) {
            if (auto* line = std::get_if<model::HistoryAdded>(&record)) line->entry.id = 0;
        }
        return written.error().with("cannot record in the registry");
    }
    last_id_ = next_id_ - 1;
    note_written(records);
    if (++commits_ >= options_.prune_every || lines_ - tried_at_lines_ >= options_.prune_lines)
        prune();
    keep_log_short();
    return {};
}

void SqliteJournal::keep_log_short() {
    if (log_pages_ < asked_at_pages_) asked_at_pages_ = 0;  // It has started anew.
    if (log_pages_ - asked_at_pages_ < worth_a_checkpoint) return;
    asked_at_pages_ = log_pages_;
    if (log_pages_ < too_long) return checkpointer_->request();
    // A failure shows in the next commit; nothing of this one depends on it.
    static_cast<void>(store_.database().checkpoint().has_value());
}

Result<void> SqliteJournal::write_all(std::span<model::JournalRecord> records) {
    if (auto begun = store_.begin(); !begun) return begun;
    const Transaction transaction(store_.database());
    for (auto& record : records) {
        if (auto written = write(record); !written) return written;
    }
    if (highest_run_) {
        if (auto raised = store_.raise_last_run(highest_run_); !raised) return raised;
    }
    return store_.commit();
}

Result<void> SqliteJournal::write(model::JournalRecord& record) {
    return std::visit(
        [this](auto& change) -> Result<void> {
            using Change = std::decay_t<decltype(change)>;
            if constexpr (std::is_same_v<Change, model::SpecAdded>) {
                return store_.add_spec(change.spec);
            } else if constexpr (std::is_same_v<Change, model::SpecReplaced>) {
                return store_.replace_spec(change.spec);
            } else if constexpr (std::is_same_v<Change, model::SpecRemoved>) {
                return store_.remove_spec(change.uuid);
            } else if constexpr (std::is_same_v<Change, model::InstanceChanged>) {
                highest_run_ = std::max(highest_run_, change.instance.run);
                return store_.put_instance(change.instance);
            } else if constexpr (std::is_same_v<Change, model::RunChanged>) {
                highest_run_ = std::max(highest_run_, change.run.run);
                return store_.put_run(change.run);
            } else if constexpr (std::is_same_v<Change, model::DaemonsLeft>) {
                return store_.set_daemons_left(change.left);
            } else {
                static_assert(std::is_same_v<Change, model::HistoryAdded>);
                change.entry.id = next_id_++;
                highest_run_ = std::max(highest_run_, change.entry.run);
                return store_.add_history(change.entry);
            }
        },
        record);
}

void SqliteJournal::note_written(std::span<const model::JournalRecord> records) {
    for (const auto& record : records) {
        if (const auto* line = std::get_if<model::HistoryAdded>(&record)) {
            ++lines_;
            latest_at_ = line->entry.at;
        } else if (const auto* run = std::get_if<model::RunChanged>(&record)) {
            note_run(run->run.uuid);
        }
    }
}

void SqliteJournal::note_run(const std::string& uuid) {
    ran_.insert(uuid);
    if (ran_.size() <= options_.prune_noted) return;
    ran_.clear();
    rounds_ = rounds_ == 0 ? 1 : 2;
}

// Retention is a courtesy: when it fails (a full disk), the next step tries again, and the commit
// that it follows stands.
void SqliteJournal::prune() {
    commits_ = 0;
    tried_at_lines_ = lines_;
    static_cast<void>(prune_step().has_value());
}

Result<void> SqliteJournal::prune_step() {
    if (auto begun = store_.begin(); !begun) return begun;
    const Transaction transaction(store_.database());
    // As many lines more than came in, so that a busy manager's history does not outgrow its bound.
    // After steps that failed there are more of them than one step should take.
    const std::size_t step = options_.prune_step + std::min(lines_, 2 * options_.prune_lines);
    const auto first_kept = last_id_ - static_cast<std::int64_t>(options_.history_rows) + 1;
    // The newest line always stays: it is what the next id is counted from.
    if (auto done = store_.prune_history_to(std::min(first_kept, last_id_), step); !done)
        return done;
    if (latest_at_.has_value()) {
        const auto cutoff = *latest_at_ - options_.history_age;
        if (auto done = store_.prune_history_before(cutoff, last_id_, step); !done) return done;
    }
    const auto pruned = next_to_prune();
    if (!pruned) return pruned.error();
    for (const std::string& uuid : *pruned) {
        auto done = store_.prune_runs(uuid, options_.runs_per_daemon, step);
        if (!done) return done;
    }
    if (auto committed = store_.commit(); !committed) return committed;
    note_pruned(*pruned);
    lines_ = 0;
    tried_at_lines_ = 0;
    return {};
}

// From where the last step ended, so that those that run again and again leave the others a turn.
Result<std::vector<std::string>> SqliteJournal::next_to_prune() {
    if (rounds_ > 0) return store_.with_runs(round_at_, daemons_per_step);
    std::vector<std::string> found;
    auto next = ran_.upper_bound(pruned_to_);
    for (std::size_t left = std::min(daemons_per_step, ran_.size()); left > 0; --left, ++next) {
        if (next == ran_.end()) next = ran_.begin();
        found.push_back(*next);
    }
    return found;
}

void SqliteJournal::note_pruned(const std::vector<std::string>& pruned) {
    for (const std::string& uuid : pruned) ran_.erase(uuid);
    if (rounds_ == 0) {
        if (!pruned.empty()) pruned_to_ = pruned.back();
    } else if (pruned.size() < daemons_per_step) {
        --rounds_;
        round_at_.clear();
    } else {
        round_at_ = pruned.back();
    }
}

Result<std::vector<model::HistoryEntry>> SqliteJournal::history(const model::HistoryQuery& query) {
    auto found = store_.history(query);
    if (!found) return found.error().with("cannot read the history");
    return found;
}

Result<std::vector<model::StoredRun>> SqliteJournal::runs(const std::string& uuid,
                                                          std::size_t limit) {
    auto found = store_.runs(uuid, limit);
    if (!found) return found.error().with("cannot read the runs of daemon " + uuid);
    return found;
}

}  // namespace

Result<std::unique_ptr<model::Journal>> open_registry(const std::filesystem::path& file,
                                                      RegistryOptions options) {
    std::error_code none_yet;
    const auto size = std::filesystem::file_size(file, none_yet);
    const bool existed = !none_yet && size > 0;
    auto database = open_file(file, options);
    if (!database) return database.error();
    auto store = RecordStore::prepare(std::move(*database));
    if (!store) return store.error().with("cannot open the registry");
    const auto last_id = store->last_history_id();
    if (!last_id) return last_id.error().with("cannot open the registry");
    auto checkpointer = Checkpointer::start(file, existed);
    if (!checkpointer) return checkpointer.error().with("cannot open the registry");
    std::optional<Reserve> reserve;
    if (options.reserve) reserve.emplace(with_suffix(file, "-reserve"));
    return std::unique_ptr<model::Journal>(std::make_unique<SqliteJournal>(
        std::move(*store), std::move(*checkpointer), options, *last_id, std::move(reserve)));
}

}  // namespace syspulse::registry
