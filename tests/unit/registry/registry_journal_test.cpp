// What is committed is what is read back, in one piece or not at all.
#include <gmock/gmock.h>

#include "unit/registry/registry_fixture.hpp"

namespace syspulse::registry {
namespace {

using model::HistoryAdded;
using model::InstanceChanged;
using model::RunChanged;
using model::SpecAdded;
using model::SpecRemoved;
using model::SpecReplaced;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Registry = RegistryTest;

model::StoredInstance full_instance() {
    model::StoredInstance instance;
    instance.uuid = "uuid-web";
    instance.target = model::Target::up;
    instance.state = model::State::backoff;
    instance.health = model::Health::unhealthy;
    instance.run = RunId{7};
    instance.run_live = true;
    instance.pid = 4321;
    instance.token = "pid:4321";
    instance.started_at = at(1);
    instance.stopped_at = at(2);
    instance.last_exit = ExitStatus{ExitStatus::Kind::signal, true, 9, 123456789};
    instance.restart_count = 3;
    instance.attempt = 2;
    instance.armed_at = at(3);
    instance.last_fired_at = at(4);
    instance.next_restart_at = at(5);
    instance.kill_at = at(6);
    instance.last_error = "it fell over";
    instance.queued_run = true;
    instance.spec_changed = true;
    instance.driver = "cgroup";
    instance.driver_options = R"({"io_weight":50})";
    return instance;
}

TEST_F(Registry, a_new_registry_is_empty) {
    auto journal = open();
    const auto snapshot = journal->load();
    ASSERT_TRUE(snapshot.has_value());
    EXPECT_THAT(snapshot->specs, IsEmpty());
    EXPECT_THAT(snapshot->instances, IsEmpty());
    EXPECT_EQ(snapshot->last_run, RunId{});
    EXPECT_EQ(snapshot->last_history_id, 0);
}

TEST_F(Registry, specs_come_back_in_the_order_they_were_added) {
    ASSERT_TRUE(commit(*open(), SpecAdded{spec("web")}, SpecAdded{spec("db")}));
    const auto snapshot = open()->load();
    ASSERT_THAT(snapshot->specs, SizeIs(2));
    EXPECT_EQ(snapshot->specs[0].name, "web");
    EXPECT_EQ(snapshot->specs[0].uuid, "uuid-web");
    EXPECT_EQ(snapshot->specs[0].spec_json, R"({"command":["true"]})");
    EXPECT_EQ(snapshot->specs[0].added_at, at(0));
    EXPECT_EQ(snapshot->specs[1].name, "db");
    ASSERT_THAT(snapshot->instances, SizeIs(2));
    EXPECT_EQ(snapshot->instances[1].uuid, "uuid-db");
    EXPECT_EQ(snapshot->instances[1].state, model::State::stopped);
}

TEST_F(Registry, a_replaced_spec_keeps_its_place) {
    auto journal = open();
    auto newer = spec("web");
    newer.spec_json = R"({"command":["false"]})";
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, SpecAdded{spec("db")}));
    ASSERT_TRUE(commit(*journal, SpecReplaced{newer}));
    const auto snapshot = journal->load();
    EXPECT_EQ(snapshot->specs[0].spec_json, newer.spec_json);
    EXPECT_EQ(commit(*journal, SpecReplaced{spec("ghost")}).error().code, ErrorCode::not_found);
}

TEST_F(Registry, an_instance_comes_back_whole) {
    const auto wrote = full_instance();
    ASSERT_TRUE(commit(*open(), SpecAdded{spec("web")}, InstanceChanged{wrote}));
    const auto snapshot = open()->load();
    ASSERT_THAT(snapshot->instances, SizeIs(1));
    const auto& read = snapshot->instances[0];
    EXPECT_EQ(read.uuid, wrote.uuid);
    EXPECT_EQ(read.target, wrote.target);
    EXPECT_EQ(read.state, wrote.state);
    EXPECT_EQ(read.health, wrote.health);
    EXPECT_EQ(read.run, wrote.run);
    EXPECT_TRUE(read.run_live);
    EXPECT_EQ(read.pid, wrote.pid);
    EXPECT_EQ(read.token, wrote.token);
    EXPECT_EQ(read.started_at, wrote.started_at);
    EXPECT_EQ(read.stopped_at, wrote.stopped_at);
    EXPECT_EQ(read.last_exit, wrote.last_exit);
    EXPECT_EQ(read.restart_count, wrote.restart_count);
    EXPECT_EQ(read.attempt, wrote.attempt);
    EXPECT_EQ(read.armed_at, wrote.armed_at);
    EXPECT_EQ(read.last_fired_at, wrote.last_fired_at);
    EXPECT_EQ(read.next_restart_at, wrote.next_restart_at);
    EXPECT_EQ(read.kill_at, wrote.kill_at);
    EXPECT_EQ(read.last_error, wrote.last_error);
    EXPECT_TRUE(read.queued_run);
    EXPECT_TRUE(read.spec_changed);
    EXPECT_EQ(read.driver, wrote.driver);
    EXPECT_EQ(read.driver_options, wrote.driver_options);
    EXPECT_EQ(snapshot->last_run, RunId{7});
}

TEST_F(Registry, a_later_instance_replaces_every_field_of_the_earlier) {
    auto journal = open();
    model::StoredInstance bare;
    bare.uuid = "uuid-web";
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, InstanceChanged{full_instance()}));
    ASSERT_TRUE(commit(*journal, InstanceChanged{bare}));
    const auto snapshot = journal->load();
    const auto& read = snapshot->instances[0];
    EXPECT_EQ(read.state, model::State::stopped);
    EXPECT_EQ(read.started_at, std::nullopt);
    EXPECT_EQ(read.last_exit, std::nullopt);
    EXPECT_EQ(read.last_error, "");
    EXPECT_FALSE(read.run_live);
}

TEST_F(Registry, runs_come_back_newest_first) {
    auto journal = open();
    auto ended = run_of("web", 1);
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, RunChanged{ended}));
    ended.pid = 99;
    ended.ended_at = at(50);
    ended.exit = ExitStatus::exited(3);
    ASSERT_TRUE(commit(*journal, RunChanged{ended}, RunChanged{run_of("web", 2)},
                       RunChanged{run_of("db", 3)}));
    const auto runs = journal->runs("uuid-web", 10);
    ASSERT_THAT(*runs, SizeIs(2));
    EXPECT_EQ((*runs)[0].run, RunId{2});
    EXPECT_EQ((*runs)[0].exit, std::nullopt);
    EXPECT_EQ((*runs)[1].began_at, at(1));
    EXPECT_EQ((*runs)[1].pid, 99);
    EXPECT_EQ((*runs)[1].ended_at, at(50));
    EXPECT_EQ((*runs)[1].exit, ExitStatus::exited(3));
    EXPECT_THAT(*journal->runs("uuid-web", 1), SizeIs(1));
}

TEST_F(Registry, a_line_of_history_comes_back_whole) {
    auto wrote = line("web", 5).entry;
    wrote.kind = "exit";
    wrote.run = RunId{12};
    wrote.pid = 77;
    wrote.exit = ExitStatus::unknown();
    wrote.reason = std::string("two\nlines \0 and a zero", 22);
    auto journal = open();
    ASSERT_TRUE(commit(*journal, HistoryAdded{wrote}));
    const auto lines = journal->history({});
    ASSERT_THAT(*lines, SizeIs(1));
    const auto& read = lines->front();
    EXPECT_EQ(read.id, 1);
    EXPECT_EQ(read.at, wrote.at);
    EXPECT_EQ(read.daemon, "web");
    EXPECT_EQ(read.uuid, "uuid-web");
    EXPECT_EQ(read.kind, "exit");
    EXPECT_EQ(read.from, "stopped");
    EXPECT_EQ(read.to, "starting");
    EXPECT_EQ(read.reason, wrote.reason);
    EXPECT_EQ(read.run, RunId{12});
    EXPECT_EQ(read.pid, 77);
    EXPECT_EQ(read.exit, ExitStatus::unknown());
    EXPECT_EQ(journal->load()->last_run, RunId{12});
}

TEST_F(Registry, it_is_known_whether_daemons_were_left_on_purpose) {
    auto journal = open();
    EXPECT_FALSE(journal->load()->daemons_left);
    for (const bool left : {true, true, false}) {
        ASSERT_TRUE(commit(*journal, model::DaemonsLeft{left}));
        journal = open();
        EXPECT_EQ(journal->load()->daemons_left, left);
    }
}

TEST_F(Registry, history_ids_are_filled_in_and_go_on_after_reopening) {
    std::vector<model::JournalRecord> records{line("web", 1), line("web", 2)};
    ASSERT_TRUE(open()->commit(records));
    EXPECT_EQ(std::get<HistoryAdded>(records[1]).entry.id, 2);
    auto journal = open();
    EXPECT_EQ(journal->load()->last_history_id, 2);
    records = {line("web", 3)};
    ASSERT_TRUE(journal->commit(records));
    EXPECT_EQ(std::get<HistoryAdded>(records[0]).entry.id, 3);
}

TEST_F(Registry, a_failing_record_in_the_middle_changes_nothing) {
    auto journal = open();
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, line("web", 1)));
    std::vector<model::JournalRecord> records{SpecAdded{spec("db")}, line("db", 2),
                                              SpecAdded{spec("web")}, RunChanged{run_of("db", 9)}};
    const auto failed = journal->commit(records);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::already_exists);
    EXPECT_THAT(failed.error().message, HasSubstr("cannot add daemon web"));
    EXPECT_EQ(std::get<HistoryAdded>(records[1]).entry.id, 0);
    const auto snapshot = journal->load();
    EXPECT_THAT(snapshot->specs, SizeIs(1));
    EXPECT_EQ(snapshot->last_run, RunId{});
    EXPECT_EQ(snapshot->last_history_id, 1);
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("db")}, line("db", 3)));
    EXPECT_THAT(reasons(*journal, {}), ElementsAre("line at 1", "line at 3"));
}

TEST_F(Registry, an_instance_without_a_spec_is_refused) {
    auto journal = open();
    EXPECT_EQ(commit(*journal, InstanceChanged{full_instance()}).error().code,
              ErrorCode::not_found);
}

TEST_F(Registry, removal_takes_instance_and_runs_and_keeps_history) {
    auto journal = open();
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, InstanceChanged{full_instance()},
                       RunChanged{run_of("web", 7)}, line("web", 1)));
    ASSERT_TRUE(commit(*journal, SpecRemoved{"uuid-web"}));
    EXPECT_THAT(journal->load()->instances, IsEmpty());
    EXPECT_EQ(journal->load()->last_run, RunId{7});
    EXPECT_THAT(*journal->runs("uuid-web", 10), IsEmpty());
    EXPECT_THAT(reasons(*journal, {.daemon = "web"}), SizeIs(1));
    EXPECT_EQ(commit(*journal, SpecRemoved{"uuid-web"}).error().code, ErrorCode::not_found);
    // The name is free again, and the new daemon starts afresh.
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}));
    EXPECT_EQ(journal->load()->instances[0].run, RunId{});
}

TEST_F(Registry, history_is_filtered_and_limited_to_the_newest_oldest_first) {
    auto journal = open();
    for (std::int64_t i = 1; i <= 6; ++i) {
        ASSERT_TRUE(commit(*journal, line(i % 2 == 0 ? "db" : "web", i)));
    }
    EXPECT_THAT(reasons(*journal, {.daemon = "db"}),
                ElementsAre("line at 2", "line at 4", "line at 6"));
    EXPECT_THAT(reasons(*journal, {.daemon = "[!w]?"}),
                ElementsAre("line at 2", "line at 4", "line at 6"));
    EXPECT_THAT(reasons(*journal, {.daemon = "w*", .limit = 1}), ElementsAre("line at 5"));
    EXPECT_THAT(reasons(*journal, {.limit = 2}), ElementsAre("line at 5", "line at 6"));
    EXPECT_THAT(reasons(*journal, {.after_id = 5}), ElementsAre("line at 6"));
    EXPECT_THAT(reasons(*journal, {.daemon = "web", .since = at(2)}),
                ElementsAre("line at 3", "line at 5"));
    EXPECT_THAT(reasons(*journal, {.daemon = "db", .after_id = 2, .since = at(1), .limit = 1}),
                ElementsAre("line at 6"));
    EXPECT_THAT(reasons(*journal, {.since = at(7)}), IsEmpty());
    EXPECT_THAT(reasons(*journal, {.limit = 0}), IsEmpty());
    EXPECT_THAT(reasons(*journal, {.limit = 2, .before_id = 6}),
                ElementsAre("line at 4", "line at 5"));
}

TEST_F(Registry, lines_written_after_the_clock_went_back_are_found_by_time) {
    auto journal = open();
    ASSERT_TRUE(commit(*journal, line("web", 100), line("web", 10), line("web", 101)));
    EXPECT_THAT(reasons(*journal, {.since = at(50)}), ElementsAre("line at 100", "line at 101"));
}

TEST_F(Registry, history_stays_near_its_bound) {
    RegistryOptions options{.history_rows = 20, .prune_every = 4, .prune_step = 8};
    auto journal = open(options);
    for (std::int64_t i = 1; i <= 200; ++i) ASSERT_TRUE(commit(*journal, line("web", i)));
    const auto lines = reasons(*journal, {});
    EXPECT_GE(lines.size(), 20U);
    EXPECT_LE(lines.size(), 24U);
    EXPECT_EQ(lines.back(), "line at 200");
}

TEST_F(Registry, history_stays_near_its_bound_also_when_few_commits_bring_many_lines) {
    RegistryOptions options{
        .history_rows = 20, .prune_every = 1000, .prune_lines = 6, .prune_step = 8};
    auto journal = open(options);
    for (std::int64_t i = 1; i <= 200; i += 2)
        ASSERT_TRUE(commit(*journal, line("web", i), line("web", i + 1)));
    EXPECT_LE(reasons(*journal, {}).size(), 26U);
}

TEST_F(Registry, old_lines_go_by_the_time_of_the_newest) {
    RegistryOptions options{.history_age = std::chrono::hours{1}, .prune_every = 1};
    auto journal = open(options);
    ASSERT_TRUE(commit(*journal, line("web", 0), line("web", 3000)));
    ASSERT_TRUE(commit(*journal, line("web", 4000)));
    EXPECT_THAT(reasons(*journal, {}), ElementsAre("line at 3000", "line at 4000"));
}

TEST_F(Registry, the_newest_line_stays_so_that_ids_never_come_back) {
    RegistryOptions options{.history_rows = 0, .prune_every = 1};
    ASSERT_TRUE(commit(*open(options), line("web", 1), line("web", 2)));
    EXPECT_EQ(open(options)->load()->last_history_id, 2);
}

TEST_F(Registry, daemons_that_run_all_the_time_leave_each_other_a_turn) {
    RegistryOptions options{.runs_per_daemon = 3, .prune_every = 1};
    auto journal = open(options);
    std::uint64_t run = 0;
    for (int commits = 0; commits < 20; ++commits) {
        std::vector<model::JournalRecord> records;
        for (int i = 100; i < 300; ++i)
            records.emplace_back(RunChanged{run_of("d" + std::to_string(i), ++run)});
        ASSERT_TRUE(journal->commit(records));
    }
    // A step looks after 64 of the 200.
    for (int i = 100; i < 300; ++i) {
        EXPECT_LE(journal->runs("uuid-d" + std::to_string(i), 100)->size(), 8U) << i;
    }
}

TEST_F(Registry, more_daemons_than_are_remembered_are_all_looked_after) {
    RegistryOptions options{.runs_per_daemon = 3, .prune_every = 1, .prune_noted = 50};
    auto journal = open(options);
    std::uint64_t run = 0;
    for (int times = 0; times < 6; ++times) {
        std::vector<model::JournalRecord> records;
        for (int i = 100; i < 300; ++i)
            records.emplace_back(RunChanged{run_of("d" + std::to_string(i), ++run)});
        ASSERT_TRUE(journal->commit(records));
    }
    // Two rounds of four steps, as the last commit came within one.
    for (int commits = 0; commits < 8; ++commits)
        ASSERT_TRUE(commit(*journal, RunChanged{run_of("other", ++run)}));
    for (int i = 100; i < 300; ++i) {
        EXPECT_THAT(*journal->runs("uuid-d" + std::to_string(i), 100), SizeIs(3)) << i;
    }
}

TEST_F(Registry, the_latest_runs_of_each_daemon_stay_and_so_does_the_highest_id) {
    RegistryOptions options{.runs_per_daemon = 3, .prune_every = 1};
    auto journal = open(options);
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, RunChanged{run_of("db", 1)}));
    for (std::uint64_t i = 2; i <= 9; ++i) {
        ASSERT_TRUE(commit(*journal, RunChanged{run_of("web", i)}));
    }
    const auto runs = journal->runs("uuid-web", 100);
    ASSERT_THAT(*runs, SizeIs(3));
    EXPECT_EQ(runs->back().run, RunId{7});
    EXPECT_THAT(*journal->runs("uuid-db", 100), SizeIs(1));
    ASSERT_TRUE(commit(*journal, SpecRemoved{"uuid-web"}));
    EXPECT_EQ(journal->load()->last_run, RunId{9});
}

}  // namespace
}  // namespace syspulse::registry
