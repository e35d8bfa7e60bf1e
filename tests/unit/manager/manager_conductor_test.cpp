// The conductor on the simulated platform: what it does when the journal refuses, that adding is
// all or nothing, that everybody who asked is told once, and that spawns come in slices.
#include "unit/manager/conductor_fixture.hpp"

namespace syspulse::manager {
namespace {

TEST_F(ManagerConductor, add_registers_all_of_a_call_in_one_transaction) {
    ASSERT_TRUE(conductor_->add({make_spec("a"), make_spec("b")}, false, "tester").has_value());
    EXPECT_EQ(conductor_->views().size(), 2U);
    EXPECT_EQ(specs_kept(), 2U);
    EXPECT_NE(conductor_->view("a").value().id, conductor_->view("b").value().id);
}

TEST_F(ManagerConductor, add_registers_nothing_when_one_name_is_taken) {
    add("b");
    const auto refused = conductor_->add({make_spec("a"), make_spec("b")}, false, "tester");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::already_exists);
    EXPECT_NE(refused.error().message.find("\"b\""), std::string::npos);
    EXPECT_FALSE(conductor_->view("a").has_value());
    EXPECT_EQ(specs_kept(), 1U);
}

TEST_F(ManagerConductor, add_is_rolled_back_when_the_journal_refuses) {
    disk_full(true);
    const auto refused = conductor_->add({make_spec("a"), make_spec("b")}, false, "tester");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(conductor_->views().empty());
    EXPECT_TRUE(conductor_->dependencies().empty());
    disk_full(false);
    EXPECT_TRUE(conductor_->add({make_spec("a"), make_spec("b")}, false, "tester").has_value());
    EXPECT_EQ(specs_kept(), 2U);
}

TEST_F(ManagerConductor, a_replacement_is_rolled_back_when_the_journal_refuses) {
    add("a");
    model::DaemonSpec changed = make_spec("a");
    changed.description = "changed";
    disk_full(true);
    EXPECT_FALSE(conductor_->add({changed, make_spec("b")}, true, "tester").has_value());
    EXPECT_EQ(conductor_->spec("a")->description, "");
    EXPECT_FALSE(conductor_->view("b").has_value());
    disk_full(false);
    EXPECT_TRUE(conductor_->add({changed, make_spec("b")}, true, "tester").has_value());
    EXPECT_EQ(conductor_->spec("a")->description, "changed");
}

TEST_F(ManagerConductor, supervision_goes_on_while_the_journal_cannot_be_written) {
    add_restarting("a");
    start("a");
    disk_full(true);
    world_.exit_now(RunId{1}, ExitStatus::signalled(9));
    pass(seconds{3});
    EXPECT_EQ(state("a"), State::running);
    EXPECT_FALSE(conductor_->journal_error().empty());
    Answer stop;
    conductor_->stop("a", true, std::nullopt, "tester", stop.callback());
    pass(seconds{30});
    EXPECT_TRUE(stop.done());
    EXPECT_EQ(state("a"), State::stopped);
}

TEST_F(ManagerConductor, what_could_not_be_recorded_is_recorded_later_as_it_stands_then) {
    add_restarting("a");
    start("a");
    disk_full(true);
    world_.exit_now(RunId{1}, ExitStatus::exited(1));
    pass(seconds{3});
    EXPECT_EQ(journal_.load().value().instances.at(0).run, RunId{1});
    disk_full(false);
    pass(seconds{1});
    EXPECT_TRUE(conductor_->journal_error().empty());
    const model::StoredInstance kept = journal_.load().value().instances.at(0);
    EXPECT_TRUE(kept.run_live);
    EXPECT_EQ(kept.state, State::running);
    EXPECT_EQ(journal_.load().value().last_run, RunId{2});
    EXPECT_EQ(told_in_history("transition"),
              (Words{"stopped>starting", "starting>running", "running>backoff", "backoff>starting",
                     "starting>running"}));
}

TEST_F(ManagerConductor, what_could_not_be_recorded_is_recorded_soon_without_a_turn) {
    add("web");
    start("web");
    disk_full(true);
    world_.exit_now(processes_run("web"), ExitStatus::exited(0));
    pass(milliseconds{100});
    EXPECT_FALSE(conductor_->journal_error().empty());
    disk_full(false);
    pass(seconds{1});
    EXPECT_TRUE(conductor_->journal_error().empty());
    EXPECT_FALSE(journal_.load().value().instances.front().run_live);
}

TEST_F(ManagerConductor, one_life_of_the_machine_is_told_from_the_next) {
    add("job");
    start("job");
    world_.exit_now(processes_run("job"), ExitStatus::exited(0));
    pass(seconds{1});
    boot();
    const DaemonKey job{1};
    EXPECT_TRUE(conductor_->supervisor().find(job)->completed());
    machine_life_ = "second";
    boot();
    EXPECT_FALSE(conductor_->supervisor().find(job)->completed());
}

TEST_F(ManagerConductor, subscribers_hear_only_what_is_recorded_and_each_entry_once) {
    std::vector<std::int64_t> heard;
    const std::uint64_t id = conductor_->subscribe(
        [&heard](const model::HistoryEntry& entry) { heard.push_back(entry.id); });
    add("a");
    start("a");
    disk_full(true);
    world_.exit_now(RunId{1}, ExitStatus::exited(0));
    pass(seconds{1});
    const std::size_t while_full = heard.size();
    disk_full(false);
    pass(seconds{1});
    EXPECT_GT(heard.size(), while_full);
    for (std::size_t i = 1; i < heard.size(); ++i) EXPECT_LT(heard[i - 1], heard[i]);
    conductor_->unsubscribe(id);
    const std::size_t before = heard.size();
    start("a");
    conductor_->stop("a", true, std::nullopt, "tester", [](const Result<void>&) {});
    pass(seconds{30});
    EXPECT_EQ(heard.size(), before);
}

TEST_F(ManagerConductor, subscribers_hear_of_what_is_registered) {
    std::string seen;
    const auto id = conductor_->subscribe(
        [&seen](const model::HistoryEntry& entry) { seen += entry.daemon + " " + entry.to + ";"; });
    ASSERT_TRUE(conductor_->add({make_spec("a"), make_spec("b")}, false, "tester").has_value());
    EXPECT_EQ(seen, "a add;b add;");
    conductor_->unsubscribe(id);
}

TEST_F(ManagerConductor, a_signal_is_in_the_history_at_once) {
    add("web");
    start("web");
    std::string seen;
    const auto id = conductor_->subscribe(
        [&seen](const model::HistoryEntry& entry) { seen += entry.kind + " " + entry.to + ";"; });
    conductor_->signal("web", 1, "tester", [](const Result<void>&) {});
    EXPECT_EQ(seen, "action signal SIGHUP;");
    conductor_->unsubscribe(id);
}

TEST_F(ManagerConductor, a_signal_that_was_refused_says_so_in_the_history) {
    add("web");
    start("web");
    world_.signals_fail = Error{ErrorCode::unsupported, "there is no such signal"};
    Answer signal;
    conductor_->signal("web", 10, "tester", signal.callback());
    ASSERT_TRUE(signal.times == 1 && !signal.result);
    EXPECT_EQ(signal.result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(signal.result.error().message, "there is no such signal");
    const Words told = told_in_history("action");
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.at(told.size() - 2), "signal SIGUSR1: tester");
    EXPECT_EQ(told.back(), "signal SIGUSR1: refused: there is no such signal; tester");
    world_.signals_fail = Error{ErrorCode::timed_out, "no answer"};
    conductor_->signal("web", 10, "tester", signal.callback());
    EXPECT_EQ(told_in_history("action").back(),
              "signal SIGUSR1: nobody knows whether it arrived: no answer; tester");
}

TEST_F(ManagerConductor, a_signal_to_end_that_the_driver_did_not_send_is_in_the_history) {
    add("web");
    start("web");
    world_.signals_fail = Error{ErrorCode::permission_denied, "not allowed"};
    Answer stop;
    conductor_->stop("web", false, seconds{5}, "tester", stop.callback());
    pass(milliseconds{1});
    EXPECT_EQ(told_in_history("signal"),
              (Words{"SIGTERM: asked to end", "SIGTERM: could not be sent: not allowed"}));
    world_.signals_fail.reset();
    pass(seconds{10});
    EXPECT_TRUE(stop.done());
}

TEST_F(ManagerConductor, the_driver_that_is_shown_is_that_of_the_run) {
    model::DaemonSpec spec = make_spec("web");
    spec.driver.type = "old";
    ASSERT_TRUE(conductor_->add({spec}, false, "tester"));
    start("web");
    spec.driver.type = "new";
    ASSERT_TRUE(conductor_->add({spec}, true, "tester"));
    EXPECT_EQ(conductor_->view("web")->driver, "old");
    world_.exit_now(processes_run("web"), ExitStatus::exited(0));
    pass(milliseconds{100});
    EXPECT_EQ(conductor_->view("web")->driver, "new");
}

TEST_F(ManagerConductor, requests_for_unknown_names_are_answered_at_once) {
    Answer start, stop, restart, remove, signal;
    conductor_->start("no", true, std::nullopt, "", start.callback());
    conductor_->stop("no", false, std::nullopt, "", stop.callback());
    conductor_->restart("no", false, false, std::nullopt, "", restart.callback());
    conductor_->remove("no", false, "", remove.callback());
    conductor_->signal("no", 1, "", signal.callback());
    for (const Answer* answer : {&start, &stop, &restart, &remove, &signal}) {
        ASSERT_EQ(answer->times, 1);
        ASSERT_FALSE(answer->result.has_value());
        EXPECT_EQ(answer->result.error().code, ErrorCode::not_found);
    }
}

TEST_F(ManagerConductor, everybody_who_asks_is_told_exactly_once) {
    add("a");
    std::vector<Answer> answers(8);
    conductor_->start("a", true, seconds{5}, "", answers[0].callback());
    conductor_->start("a", false, std::nullopt, "", answers[1].callback());
    conductor_->restart("a", false, true, std::nullopt, "", answers[2].callback());
    pass(seconds{10});
    conductor_->stop("a", false, std::nullopt, "", answers[3].callback());
    conductor_->restart("a", true, false, std::nullopt, "", answers[4].callback());
    pass(seconds{60});
    conductor_->remove("a", false, "", answers[5].callback());
    conductor_->remove("a", true, "", answers[6].callback());
    conductor_->stop("a", true, std::nullopt, "", answers[7].callback());
    pass(seconds{60});
    for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].times, 1) << i;
    EXPECT_FALSE(conductor_->view("a").has_value());
    EXPECT_EQ(specs_kept(), 0U);
}

TEST_F(ManagerConductor, spawns_come_in_slices_and_requests_are_served_in_between) {
    std::vector<model::DaemonSpec> specs;
    for (int i = 0; i < 50; ++i) specs.push_back(make_spec("d" + std::to_string(i)));
    ASSERT_TRUE(conductor_->add(specs, false, "tester").has_value());
    std::size_t spawned = 0, most_at_once = 0, at_once = 0;
    world_.on_spawn = [&](const platform::SpawnRequest&) {
        ++spawned;
        most_at_once = std::max(most_at_once, ++at_once);
    };
    for (const auto& spec : specs)
        conductor_->start(spec.name, false, std::nullopt, "", [](const Result<void>&) {});
    Answer other;
    conductor_->stop("d49", true, std::nullopt, "", other.callback());
    std::size_t spawned_by_then = 0;
    // Runs beside the slices and counts each anew.
    std::function<void()> beside = [&] {
        at_once = 0;
        if (spawned_by_then == 0 && spawned > 0) spawned_by_then = spawned;
        if (spawned < 50) loop_.post(beside);
    };
    loop_.post(beside);
    pass(seconds{5});
    EXPECT_EQ(spawned, 50U);
    EXPECT_LE(most_at_once, 8U);
    EXPECT_LE(spawned_by_then, 8U);
    EXPECT_EQ(other.times, 1);
}

TEST_F(ManagerConductor, a_child_gets_the_base_environment_its_own_and_its_run_id) {
    model::DaemonSpec spec = make_spec("a");
    spec.env = {{"A", "own"}};
    ASSERT_TRUE(conductor_->add({spec}, false, "tester").has_value());
    platform::SpawnRequest seen;
    world_.on_spawn = [&seen](const platform::SpawnRequest& request) { seen = request; };
    start("a");
    EXPECT_EQ(seen.env,
              (Words{"A=own", "PATH=/bin", "SYSPULSE_DAEMON=a", "SYSPULSE_RUN_ID=uuid-1.1"}));
    EXPECT_EQ(seen.working_dir, "/");
    EXPECT_EQ(seen.argv, Words{"/bin/a"});
}

TEST_F(ManagerConductor, a_user_of_whom_nobody_tells_anything_now_may_be_known_at_the_next_try) {
    model::DaemonSpec spec = make_spec("a");
    spec.restart.kind = model::RestartPolicy::Kind::always;
    ASSERT_TRUE(conductor_->add({spec}, false, "tester").has_value());
    users_known_ = false;
    Answer answer;
    conductor_->start("a", false, std::nullopt, "tester", answer.callback());
    pass(milliseconds{1});
    EXPECT_EQ(state("a"), State::backoff);
    EXPECT_EQ(world_.live_count("a"), 0U);
    users_known_ = true;
    pass(seconds{10});
    EXPECT_EQ(state("a"), State::running);
}

TEST_F(ManagerConductor, a_new_manager_finds_the_process_of_the_last_one) {
    add("a");
    start("a");
    const auto pid = conductor_->view("a").value().pid;
    boot();
    pass(seconds{5});
    EXPECT_EQ(state("a"), State::running);
    EXPECT_EQ(conductor_->view("a").value().pid, pid);
    EXPECT_EQ(world_.live_count("a"), 1U);
}

TEST_F(ManagerConductor, a_process_that_no_driver_can_look_for_is_no_reason_for_a_second_one) {
    model::DaemonSpec spec = make_spec("a");
    spec.restart.kind = model::RestartPolicy::Kind::always;
    ASSERT_TRUE(conductor_->add({spec}, false, "tester").has_value());
    start("a");
    const auto pid = conductor_->view("a").value().pid;
    world_.faults.recover_fails = 1;
    for (int managers = 0; managers < 2; ++managers) {
        boot();
        pass(seconds{100});
        EXPECT_EQ(state("a"), State::starting);
        EXPECT_EQ(conductor_->view("a").value().pid, pid);
    }
    world_.faults.recover_fails = 0;
    pass(seconds{40});
    EXPECT_EQ(state("a"), State::running);
    EXPECT_EQ(conductor_->view("a").value().pid, pid);
    EXPECT_EQ(world_.live_count("a"), 1U);
}

TEST_F(ManagerConductor, shutdown_finishes_once_when_all_have_ended) {
    add("a");
    start("a");
    int finished = 0;
    conductor_->on_finished([&finished] { ++finished; });
    conductor_->shut_down(false, false);
    pass(seconds{60});
    EXPECT_EQ(finished, 1);
    EXPECT_EQ(world_.live_count("a"), 0U);
    EXPECT_FALSE(conductor_->add({make_spec("c")}, false, "tester").has_value());
}

TEST_F(ManagerConductor, shutdown_that_keeps_daemons_running_leaves_them_to_the_next) {
    add("a");
    start("a");
    int finished = 0;
    conductor_->on_finished([&finished] { ++finished; });
    conductor_->shut_down(true, false);
    pass(seconds{60});
    EXPECT_EQ(finished, 1);
    EXPECT_EQ(world_.live_count("a"), 1U);
    boot();
    pass(seconds{5});
    EXPECT_EQ(state("a"), State::running);
}

TEST_F(ManagerConductor, once_finished_it_spawns_nothing_and_the_next_one_does) {
    const int count = 30;  // More than one slice of spawns.
    for (int i = 0; i < count; ++i) add("d" + std::to_string(i));
    bool finished = false;
    std::size_t late = 0;
    world_.on_spawn = [&](const platform::SpawnRequest&) { late += finished ? 1 : 0; };
    conductor_->on_finished([&] { finished = true; });
    for (int i = 0; i < count; ++i)
        conductor_->start("d" + std::to_string(i), false, std::nullopt, "tester", [](auto&&) {});
    conductor_->shut_down(true, false);
    pass(seconds{1});
    ASSERT_TRUE(finished);
    EXPECT_EQ(late, 0U);
    EXPECT_LT(world_.processes().size(), static_cast<std::size_t>(count));
    finished = false;
    boot();
    pass(seconds{10});
    for (int i = 0; i < count; ++i) {
        EXPECT_EQ(state("d" + std::to_string(i)), State::running) << i;
        EXPECT_EQ(world_.live_count("d" + std::to_string(i)), 1U) << i;
    }
}

// A thousand declarations at once leave much behind, a single one does not.
TEST_F(ManagerConductor, memory_is_returned_once_after_much_was_done) {
    int returned = 0;
    adjust_ = [&returned](ConductorOptions& options) {
        options.return_memory = [&returned] { ++returned; };
    };
    boot();
    add("one");
    pass(seconds{60});
    EXPECT_EQ(returned, 0);
    std::vector<model::DaemonSpec> specs;
    for (int i = 0; i < 1000; ++i) specs.push_back(make_spec("d" + std::to_string(i)));
    ASSERT_TRUE(conductor_->add(specs, false, "tester").has_value());
    pass(seconds{1});
    EXPECT_EQ(returned, 0);
    pass(seconds{60});
    EXPECT_EQ(returned, 1);
}

}  // namespace
}  // namespace syspulse::manager
