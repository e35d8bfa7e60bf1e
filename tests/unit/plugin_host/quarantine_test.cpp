#include "plugin_host/isolation/quarantine.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace syspulse::plugin_host {
namespace {

using std::chrono::seconds;

const Instant start{};

std::string name(std::size_t number) {
    return "d" + std::to_string(number);
}

// Suspects 1 to `count`, each waiting with its number as its ticket.
Quarantine crowd(std::size_t count) {
    Quarantine made(seconds{1}, seconds{30});
    for (std::size_t i = 1; i <= count; ++i) {
        made.suspect(name(i), name(i));
        made.join(i, name(i));
    }
    return made;
}

std::vector<Quarantine::Ticket> begin_all(Quarantine& quarantine) {
    std::vector<Quarantine::Ticket> begun;
    while (const auto ticket = quarantine.next()) begun.push_back(*ticket);
    return begun;
}

using Tickets = std::vector<Quarantine::Ticket>;

TEST(Quarantine, nobody_is_apart_unless_suspected) {
    Quarantine quarantine(seconds{1}, seconds{30});
    EXPECT_TRUE(quarantine.empty());
    EXPECT_TRUE(quarantine.idle());
    EXPECT_FALSE(quarantine.holds("a"));
    EXPECT_FALSE(quarantine.next());
}

TEST(Quarantine, more_are_under_way_with_each_that_comes_through) {
    Quarantine quarantine = crowd(9);
    EXPECT_EQ(begin_all(quarantine), Tickets{1});
    quarantine.came_through(1);
    EXPECT_EQ(begin_all(quarantine), (Tickets{2, 3}));
    quarantine.came_through(3);
    quarantine.came_through(2);
    EXPECT_EQ(begin_all(quarantine), (Tickets{4, 5, 6, 7}));
    EXPECT_FALSE(quarantine.holds(name(1)));
    EXPECT_TRUE(quarantine.holds(name(4)));
}

TEST(Quarantine, all_who_come_through_are_cleared) {
    Quarantine quarantine = crowd(5);
    while (!quarantine.idle()) {
        for (const auto ticket : begin_all(quarantine)) quarantine.came_through(ticket);
    }
    EXPECT_TRUE(quarantine.empty());
    EXPECT_TRUE(quarantine.culprits().empty());
}

// Runs until nothing waits; the check `culprit` ends whatever makes it. Gives the losses it took.
std::size_t run_with_culprit(Quarantine& quarantine, std::size_t culprit) {
    for (std::size_t losses = 0;;) {
        const auto begun = begin_all(quarantine);
        if (begun.empty()) return losses;
        if (std::find(begun.begin(), begun.end(), culprit) == begun.end()) {
            for (const auto ticket : begun) quarantine.came_through(ticket);
            continue;
        }
        ++losses;
        const auto loss = quarantine.lost("signal SIGSEGV", start);
        EXPECT_EQ(loss.tickets, begun);
        if (loss.culprit) continue;
        for (auto ticket = loss.tickets.rbegin(); ticket != loss.tickets.rend(); ++ticket) {
            quarantine.join_first(*ticket, name(*ticket));
        }
    }
}

TEST(Quarantine, the_culprit_is_found_wherever_it_stands) {
    for (std::size_t culprit = 1; culprit <= 11; ++culprit) {
        Quarantine quarantine = crowd(11);
        EXPECT_LE(run_with_culprit(quarantine, culprit), 4U) << culprit;
        const auto found = quarantine.culprits();
        ASSERT_EQ(found.size(), 1U) << culprit;
        EXPECT_EQ(found[0].daemon, name(culprit));
        EXPECT_EQ(found[0].error, "signal SIGSEGV");
        for (std::size_t i = 1; i <= 11; ++i) EXPECT_EQ(quarantine.holds(name(i)), i == culprit);
    }
}

TEST(Quarantine, losses_grow_with_the_logarithm_of_the_suspects) {
    Quarantine quarantine = crowd(10'000);
    EXPECT_LE(run_with_culprit(quarantine, 9'999), 14U);
    EXPECT_EQ(quarantine.culprits().size(), 1U);
}

TEST(Quarantine, a_culprit_is_made_alone) {
    Quarantine quarantine = crowd(1);
    begin_all(quarantine);
    const auto loss = quarantine.lost("signal SIGSEGV", start);
    ASSERT_TRUE(loss.culprit);
    EXPECT_TRUE(loss.first);
    for (std::size_t i = 2; i <= 4; ++i) quarantine.suspect(name(i), name(i));
    quarantine.join(2, name(2));
    quarantine.join(5, name(1));
    quarantine.join(3, name(3));
    EXPECT_EQ(begin_all(quarantine), Tickets{2});
    quarantine.came_through(2);
    EXPECT_EQ(begin_all(quarantine), Tickets{5});  // Although two might be under way by now.
    quarantine.came_through(5);
    EXPECT_EQ(begin_all(quarantine), Tickets{3});
}

TEST(Quarantine, the_pause_of_a_culprit_doubles_up_to_its_limit) {
    Quarantine quarantine = crowd(1);
    Instant now = start;
    for (const int expected : {1, 2, 4, 8, 16, 30, 30}) {
        begin_all(quarantine);
        quarantine.lost("exit code 3", now);
        EXPECT_EQ(quarantine.paused(name(1), now + seconds{expected} - Duration{1}), "exit code 3");
        EXPECT_FALSE(quarantine.paused(name(1), now + seconds{expected}));
        now += seconds{expected};
        quarantine.join(1, name(1));
    }
    EXPECT_FALSE(quarantine.paused("another", now));
}

TEST(Quarantine, a_culprit_has_to_come_through_many_times) {
    Quarantine quarantine = crowd(1);
    begin_all(quarantine);
    EXPECT_TRUE(quarantine.lost("signal SIGSEGV", start).first);
    const auto pass = [&](int times) {
        for (int i = 0; i < times; ++i) {
            EXPECT_TRUE(quarantine.holds(name(1)));
            quarantine.join(1, name(1));
            begin_all(quarantine);
            quarantine.came_through(1);
        }
    };
    pass(9);
    quarantine.join(1, name(1));
    begin_all(quarantine);
    EXPECT_FALSE(quarantine.lost("signal SIGSEGV", start).first);
    pass(10);
    EXPECT_TRUE(quarantine.empty());
}

TEST(Quarantine, a_check_is_not_under_way_twice) {
    Quarantine quarantine = crowd(2);
    quarantine.came_through(begin_all(quarantine).front());  // Two may be under way now.
    quarantine.join(7, name(2));
    quarantine.suspect(name(3), name(3));
    quarantine.join(8, name(3));
    EXPECT_EQ(begin_all(quarantine), (Tickets{2, 8})) << "others overtake it";
    quarantine.came_through(8);
    EXPECT_EQ(begin_all(quarantine), Tickets{});
    quarantine.came_through(2);
    EXPECT_EQ(begin_all(quarantine), Tickets{7});
}

TEST(Quarantine, what_waits_behind_a_culprit_of_the_same_check_is_lost_with_it) {
    Quarantine quarantine = crowd(2);
    quarantine.came_through(begin_all(quarantine).front());
    quarantine.join(7, name(2));
    quarantine.suspect(name(3), name(3));
    EXPECT_EQ(begin_all(quarantine), Tickets{2});
    quarantine.join(8, name(3));
    const auto loss = quarantine.lost("it did not answer", start);
    ASSERT_TRUE(loss.culprit);
    EXPECT_EQ(loss.culprit->daemon, name(2));
    EXPECT_EQ(loss.tickets, (Tickets{2, 7}));
    EXPECT_EQ(begin_all(quarantine), Tickets{8});
}

TEST(Quarantine, a_culprit_that_stays_leaves_no_width_to_the_next_suspects) {
    Quarantine quarantine = crowd(6);
    ASSERT_EQ(run_with_culprit(quarantine, 1), 1U);
    ASSERT_TRUE(quarantine.idle());
    ASSERT_FALSE(quarantine.empty());
    for (std::size_t i = 11; i <= 14; ++i) {
        quarantine.suspect(name(i), name(i));
        quarantine.join(i, name(i));
    }
    EXPECT_EQ(begin_all(quarantine), Tickets{11});
}

TEST(Quarantine, what_nobody_waits_for_makes_room) {
    Quarantine quarantine = crowd(2);
    EXPECT_EQ(begin_all(quarantine), Tickets{1});
    quarantine.withdrawn(1);
    EXPECT_EQ(begin_all(quarantine), Tickets{2});
    EXPECT_TRUE(quarantine.holds(name(1))) << "it proved nothing";
}

TEST(Quarantine, daemons_that_left_are_forgotten) {
    Quarantine quarantine = crowd(2);
    begin_all(quarantine);
    quarantine.lost("signal SIGSEGV", start);
    quarantine.left(name(1));
    EXPECT_TRUE(quarantine.culprits().empty());
    quarantine.seen(name(1));
    EXPECT_EQ(quarantine.culprits().size(), 1U);
    quarantine.left(name(1));
    quarantine.left(name(2));
    quarantine.prune();
    EXPECT_TRUE(quarantine.empty());
}

TEST(Quarantine, giving_up_leaves_nothing_under_way) {
    Quarantine quarantine = crowd(3);
    begin_all(quarantine);
    EXPECT_EQ(quarantine.give_up(), (Tickets{1, 2, 3}));
    EXPECT_TRUE(quarantine.idle());
    EXPECT_TRUE(quarantine.holds(name(1)));
    quarantine.pardon();
    EXPECT_FALSE(quarantine.holds(name(1)));
}

TEST(WhileChecking, names_the_daemons_or_some_of_many) {
    EXPECT_EQ(while_checking({}), "");
    EXPECT_EQ(while_checking({"b", "a", "b"}), " while it checked a, b");
    std::vector<std::string> many;
    for (int i = 10; i < 25; ++i) many.push_back("n" + std::to_string(i));
    EXPECT_EQ(while_checking(many),
              " while it checked n10, n11, n12, n13, n14, n15, n16, n17, n18, n19 and 5 more");
}

}  // namespace
}  // namespace syspulse::plugin_host
