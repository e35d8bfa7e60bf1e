// Past events are read a piece in each turn of the loop, so that many of them hold up nobody.
#include <gtest/gtest.h>

#include "conductor_fixture.hpp"
#include "manager/control_streams.hpp"

namespace syspulse::manager {
namespace {

constexpr std::size_t many = 1200;

class ManagerEvents : public ManagerConductor {
  protected:
    ManagerEvents() {
        std::vector<model::JournalRecord> past(many, model::HistoryAdded{{}});
        EXPECT_TRUE(journal_.commit(past));
    }

    void open(std::size_t limit, bool follow = false, std::int64_t after = 0) {
        api::EventQuery query;
        query.limit = limit;
        query.follow = follow;
        query.after_id = after;
        journal_.most_asked = 0;
        auto opened =
            open_events(loop_, *conductor_, query, clock_.now().wall, [this] { ++told_; });
        ASSERT_TRUE(opened);
        events_ = std::move(*opened);
    }
    api::Pull read() { return *events_->read(seen_, 100); }

    std::unique_ptr<api::EventStream> events_;
    std::vector<model::HistoryEntry> seen_;
    int told_ = 0;
};

TEST_F(ManagerEvents, of_the_past_come_in_order_from_several_turns) {
    open(1000);
    EXPECT_EQ(read(), api::Pull::wait);
    pass(milliseconds{1});
    EXPECT_EQ(told_, 1);
    EXPECT_LE(journal_.most_asked, 250U);
    while (read() == api::Pull::more) {
    }
    EXPECT_EQ(read(), api::Pull::end);
    ASSERT_EQ(seen_.size(), 1000U);
    for (std::size_t i = 1; i < seen_.size(); ++i) EXPECT_EQ(seen_[i].id, seen_[i - 1].id + 1);
    EXPECT_EQ(seen_.back().id, journal_.load()->last_history_id);
}

TEST_F(ManagerEvents, that_happen_meanwhile_come_last_and_once) {
    open(600, true);
    add("new");
    EXPECT_EQ(read(), api::Pull::wait);
    pass(milliseconds{1});
    while (read() == api::Pull::more) {
    }
    ASSERT_GT(seen_.size(), 600U);
    for (std::size_t i = 1; i < seen_.size(); ++i) EXPECT_EQ(seen_[i].id, seen_[i - 1].id + 1);
    EXPECT_EQ(seen_.back().daemon, "new");
}

TEST_F(ManagerEvents, of_a_short_past_are_there_at_once) {
    open(1000, false, journal_.load()->last_history_id - 3);
    EXPECT_EQ(read(), api::Pull::end);
    EXPECT_EQ(seen_.size(), 3U);
}

TEST_F(ManagerEvents, may_be_given_up_while_they_are_read) {
    open(1000);
    EXPECT_EQ(read(), api::Pull::wait);
    events_.reset();
    pass(milliseconds{1});
    EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace syspulse::manager
