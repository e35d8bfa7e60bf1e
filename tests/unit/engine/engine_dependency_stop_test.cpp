// The stop of what others need: they end first, and do not bring it back.
#include <set>

#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;

// db <- step <- web, where step did its work and has no process any more.
struct Chain {
    Chain()
        : db(e.add(make_spec("db"))),
          step(e.add(needing(make_spec("step"), {"db"}))),
          web(e.add(needing(make_spec("web"), {"step"}))) {
        e.up(db);
        e.up(step);
        e.exited(step);
        e.up(web);
    }
    Engine e;
    DaemonKey db;
    DaemonKey step;
    DaemonKey web;
};

TEST(DependencyStop, is_stopped_after_who_needs_it_through_one_that_has_ended) {
    for (const bool shutdown : {true, false}) {
        Chain c;
        if (shutdown) {
            c.e.shut_down();
        } else {
            c.e.stop(c.db);
        }
        EXPECT_EQ(c.e.state(c.web), State::stopping);
        EXPECT_EQ(c.e.view(c.db).waiting_for, "web");
        EXPECT_TRUE(c.e.signals(c.e.run(c.db)).empty());
        c.e.exited(c.web);
        EXPECT_EQ(c.e.signals(c.e.run(c.db)), std::vector<std::string>{"15"});
        c.e.exited(c.db);
        EXPECT_TRUE(c.e.all_answered());
    }
}

TEST(DependencyStop, one_that_many_need_waits_for_the_last_of_them_in_whatever_order_they_end) {
    for (const std::size_t stride : {1U, 7U, 49U}) {  // In order, mixed, and backwards.
        constexpr std::size_t count = 50;
        Engine e;
        const DaemonKey hub = e.add(make_spec("hub"));
        e.up(hub);
        std::vector<DaemonKey> needing_it;
        std::set<std::string> live;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string name = "d" + std::to_string(i);
            needing_it.push_back(e.add(needing(make_spec(name), {"hub"})));
            e.up(needing_it.back());
            live.insert(name);
        }
        e.stop(hub);
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_TRUE(live.count(e.view(hub).waiting_for) == 1) << e.view(hub).waiting_for;
            EXPECT_TRUE(e.signals(e.run(hub)).empty());
            const std::size_t at = i * stride % count;
            live.erase("d" + std::to_string(at));
            e.exited(needing_it[at]);
        }
        EXPECT_EQ(e.signals(e.run(hub)), std::vector<std::string>{"15"});
        e.exited(hub);
        EXPECT_TRUE(e.all_answered());
    }
}

TEST(DependencyStop, whose_stop_is_done_is_not_started_by_one_that_was_restarting) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey web = e.add(needing(make_spec("web"), {"db"}));
    e.up(db);
    e.up(web);
    const RequestId restart = e.restart(web);
    const RequestId stop = e.stop(db);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_TRUE(e.refusal(restart).has_value());
    e.exited(db);
    EXPECT_TRUE(e.done(stop));
    e.advance(hours{1});
    EXPECT_EQ(e.state(db), State::stopped);
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(DependencyStop, whose_stop_is_done_is_not_started_by_one_that_was_unhealthy) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey web =
        e.add(needing(with_policy(with_check(make_spec("web")), Kind::always), {"db"}));
    e.up(db);
    e.healthy(web);
    e.fail_until_unhealthy(web);
    ASSERT_EQ(e.state(web), State::stopping);
    e.stop(db);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::stopped);
    e.exited(db);
    e.advance(hours{1});
    EXPECT_EQ(e.state(db), State::stopped);
}

TEST(DependencyStop, whose_stop_ends_a_scheduled_run_leaves_the_schedule_armed) {
    for (const bool force : {true, false}) {
        Engine e;
        const DaemonKey db = e.add(make_spec("db"));
        const DaemonKey job = e.add(needing(with_schedule(make_spec("job"), "0 * * * *"), {"db"}));
        e.up(db);
        e.up(job);
        const RequestId stop = e.stop(db, force);
        EXPECT_EQ(e.state(job), State::stopping);
        e.exited(job);
        EXPECT_EQ(e.state(job), State::scheduled);
        EXPECT_TRUE(e.view(job).next_run_at.has_value());
        e.exited(db);
        EXPECT_TRUE(e.done(stop));
        EXPECT_EQ(e.spawns(), 2U);
    }
}

TEST(DependencyStop, goes_on_when_the_one_that_it_waits_for_is_removed) {
    for (const bool through_another : {true, false}) {
        Chain c;
        if (!through_another) c.e.change(c.web, needing(make_spec("web"), {"db"}));
        const RequestId stop = c.e.stop(c.db);
        const RequestId removal = c.e.remove(c.web, true);
        c.e.exited(c.web);
        EXPECT_TRUE(c.e.done(removal));
        EXPECT_EQ(c.e.signals(c.e.run(c.db)), std::vector<std::string>{"15"});
        c.e.exited(c.db);
        EXPECT_TRUE(c.e.done(stop));
    }
}

TEST(DependencyStop, does_not_wait_for_what_begins_meanwhile) {
    Chain c;
    c.e.stop(c.web);
    c.e.exited(c.web);
    const DaemonKey slow = c.e.add(needing(make_spec("slow"), {"db"}));
    c.e.up(slow);
    c.e.stop(c.db);
    c.e.up(c.web);  // What it needs itself did its work.
    c.e.exited(slow);
    EXPECT_EQ(c.e.signals(c.e.run(c.db)), std::vector<std::string>{"15"});
}

}  // namespace
}  // namespace syspulse::engine::test
