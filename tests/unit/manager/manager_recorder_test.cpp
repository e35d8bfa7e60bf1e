// What the recorder does with a journal that is locked, full or damaged: how often it tries, what
// waits, and what is written in the end.
#include "manager/recorder.hpp"

#include <gtest/gtest.h>

#include "platform/sim/sim_world.hpp"
#include "simulation/memory_journal.hpp"

namespace syspulse::manager {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Records = std::vector<model::JournalRecord>;

model::InstanceChanged instance(const std::string& uuid, std::uint32_t restarts) {
    model::StoredInstance stored;
    stored.uuid = uuid;
    stored.restart_count = restarts;
    return {stored};
}

model::RunChanged run(const std::string& uuid, std::uint64_t number, std::int64_t pid) {
    model::StoredRun stored;
    stored.uuid = uuid;
    stored.run = RunId{number};
    stored.pid = pid;
    return {stored};
}

model::HistoryAdded line(const std::string& reason) {
    model::HistoryEntry entry;
    entry.reason = reason;
    return {entry};
}

bool is_line(const model::JournalRecord& record) {
    return std::holds_alternative<model::HistoryAdded>(record);
}

class ManagerRecorder : public testing::Test {
  protected:
    ManagerRecorder() {
        for (const char* uuid : {"a", "b"}) {
            model::StoredSpec spec;
            spec.uuid = spec.name = uuid;
            Records records{model::SpecAdded{spec}};
            EXPECT_TRUE(journal_.commit(records));
        }
        journal_.commits = 0;
    }
    void pass(Duration time) { loop_.run_until(clock_.now().mono + time); }
    void locked(bool locked) { journal_.write_fails = locked ? 1.1 : 0; }
    std::uint32_t restarts(std::size_t daemon) {
        return journal_.load()->instances.at(daemon).restart_count;
    }

    Random random_{1};
    platform::sim::SimClock clock_;
    platform::sim::SimLoop loop_{clock_, random_};
    simulation::MemoryJournal journal_{random_};
    std::vector<std::string> recorded_;
    int late_ = 0;
    Recorder recorder_{journal_, loop_, clock_,
                       [this](const model::HistoryEntry& e) { recorded_.push_back(e.reason); },
                       [this] { ++late_; }};
};

TEST_F(ManagerRecorder, a_locked_journal_is_tried_by_a_timer_and_not_by_every_turn) {
    locked(true);
    for (std::uint32_t turn = 1; turn <= 10'000; ++turn) {
        recorder_.write({instance("a", turn), run("a", turn, 1), line("turn")});
    }
    EXPECT_EQ(journal_.commits, 1U);
    EXPECT_NE(recorder_.error(), "");
    pass(seconds{10});
    EXPECT_LT(journal_.commits, 20U);
    EXPECT_TRUE(recorded_.empty());
    locked(false);
    pass(seconds{1});
    EXPECT_EQ(restarts(0), 10'000U);
    EXPECT_EQ(journal_.load()->last_run, RunId{10'000});
    EXPECT_EQ(recorded_.size(), waiting_lines_max);
    EXPECT_EQ(recorder_.error(), "");
    EXPECT_GT(late_, 0);
}

TEST_F(ManagerRecorder, turns_write_again_at_once_when_the_journal_is_back) {
    locked(true);
    recorder_.write({instance("a", 1)});
    locked(false);
    pass(seconds{1});
    recorder_.write({instance("a", 2), line("now")});
    EXPECT_EQ(restarts(0), 2U);
    EXPECT_EQ(recorded_, std::vector<std::string>{"now"});
}

TEST_F(ManagerRecorder, what_is_written_now_comes_after_what_waits_or_not_at_all) {
    locked(true);
    recorder_.write({instance("a", 1), line("waits")});
    EXPECT_EQ(recorder_.write_now({line("now")}).error().code, ErrorCode::unavailable);
    locked(false);
    EXPECT_TRUE(recorder_.write_now({instance("a", 2), line("now")}));
    EXPECT_EQ(recorded_, (std::vector<std::string>{"waits", "now"}));
    EXPECT_EQ(restarts(0), 2U);
}

TEST_F(ManagerRecorder, what_is_noted_for_the_turn_comes_before_what_is_written_now) {
    recorder_.note(line("noted").entry);
    EXPECT_TRUE(recorder_.write_now({line("now")}));
    EXPECT_EQ(recorded_, (std::vector<std::string>{"noted", "now"}));
}

TEST_F(ManagerRecorder, a_last_chance_is_one_for_what_was_refused_too) {
    journal_.refuses = [](const model::JournalRecord& record) { return !is_line(record); };
    recorder_.write({instance("a", 1)});
    EXPECT_EQ(restarts(0), 0U);
    journal_.refuses = nullptr;
    EXPECT_TRUE(recorder_.write_now({}));
    EXPECT_EQ(restarts(0), 1U);
}

TEST_F(ManagerRecorder, what_waits_is_the_last_state_of_each_daemon_and_run) {
    const Records kept =
        without_outdated({instance("a", 1), run("a", 1, 10), instance("b", 1), line("one"),
                          instance("a", 2), run("a", 1, 11), run("a", 2, 12)});
    ASSERT_EQ(kept.size(), 5U);
    EXPECT_EQ(std::get<model::InstanceChanged>(kept[0]).instance.uuid, "b");
    EXPECT_EQ(std::get<model::HistoryAdded>(kept[1]).entry.reason, "one");
    EXPECT_EQ(std::get<model::InstanceChanged>(kept[2]).instance.restart_count, 2U);
    EXPECT_EQ(std::get<model::RunChanged>(kept[3]).run.pid, 11);
    EXPECT_EQ(std::get<model::RunChanged>(kept[4]).run.pid, 12);
}

TEST_F(ManagerRecorder, nothing_waits_of_a_daemon_that_is_removed_but_its_history) {
    const Records kept = without_outdated(
        {instance("a", 1), run("a", 1, 10), line("removed"), model::SpecRemoved{"a"}});
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_TRUE(is_line(kept[0]));
    EXPECT_TRUE(std::holds_alternative<model::SpecRemoved>(kept[1]));
}

TEST_F(ManagerRecorder, a_damaged_history_does_not_keep_states_from_being_written) {
    journal_.refuses = is_line;
    recorder_.write({instance("a", 1), line("lost")});
    recorder_.write({instance("a", 2), line("lost")});
    EXPECT_EQ(restarts(0), 2U);
    EXPECT_NE(recorder_.error(), "");
    journal_.refuses = nullptr;
    recorder_.write({instance("b", 3), line("kept")});
    EXPECT_EQ(recorded_, std::vector<std::string>{"kept"});
    EXPECT_EQ(recorder_.error(), "");
}

TEST_F(ManagerRecorder, a_state_that_is_refused_holds_up_no_other_and_is_tried_again) {
    journal_.refuses = [](const model::JournalRecord& record) {
        const auto* changed = std::get_if<model::InstanceChanged>(&record);
        return changed != nullptr && changed->instance.uuid == "a";
    };
    recorder_.write({instance("a", 1), instance("b", 1), line("kept")});
    recorder_.write({instance("a", 2)});
    EXPECT_EQ(restarts(1), 1U);
    EXPECT_EQ(recorded_, std::vector<std::string>{"kept"});
    pass(seconds{3});
    EXPECT_NE(recorder_.error(), "");
    journal_.refuses = nullptr;
    pass(seconds{1});
    EXPECT_EQ(restarts(0), 2U);
    EXPECT_EQ(recorder_.error(), "");
}

}  // namespace
}  // namespace syspulse::manager
