// The body of `logs`: what reads files runs on the other thread, which the test plays, and a client
// that leaves early harms nobody.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>

#include "manager/control_streams.hpp"
#include "platform/sim/sim_world.hpp"

namespace syspulse::manager {
namespace {

class ManagerLogText : public testing::Test {
  protected:
    ManagerLogText() {
        char name[] = "/tmp/syspulse-log-text-XXXXXX";
        dir_ = ::mkdtemp(name);
        std::filesystem::create_directories(dir_ / "web");
    }
    ~ManagerLogText() override { std::filesystem::remove_all(dir_); }

    void open(const logs::Query& query) {
        auto reader = logs::Reader::open(dir_, "web", query);
        ASSERT_TRUE(reader);
        text_ = open_text(
            loop_, [this](std::function<void()> task) { tasks_.push_back(std::move(task)); },
            std::move(*reader), [this] { ++told_; });
    }
    void turn() { loop_.run_until(clock_.now().mono + std::chrono::milliseconds{1}); }
    void work() {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
    }
    api::Pull read() { return *text_->read(seen_, 1 << 16); }

    std::filesystem::path dir_;
    Random random_{1};
    platform::sim::SimClock clock_;
    platform::sim::SimLoop loop_{clock_, random_};
    std::deque<std::function<void()>> tasks_;
    std::unique_ptr<api::TextStream> text_;
    std::string seen_;
    int told_ = 0;
};

TEST_F(ManagerLogText, is_read_elsewhere_a_piece_ahead) {
    std::string all;
    for (int i = 0; all.size() < 200'000; ++i) all += "line " + std::to_string(i) + "\n";
    std::ofstream(dir_ / "web" / "stdout.log") << all;
    open({});
    EXPECT_EQ(read(), api::Pull::wait);
    EXPECT_EQ(seen_, "");
    while (!tasks_.empty()) {
        const int told = told_;
        work();
        EXPECT_EQ(told_, told) << "from the loop only";
        turn();
        EXPECT_EQ(told_, told + 1);
        const api::Pull pull = read();
        EXPECT_EQ(pull, tasks_.empty() ? api::Pull::end : api::Pull::wait);
        EXPECT_LE(tasks_.size(), 1U);
    }
    EXPECT_GE(told_, 3);
    EXPECT_TRUE(seen_ == all);
}

TEST_F(ManagerLogText, may_be_given_up_while_it_is_read) {
    std::ofstream(dir_ / "web" / "stdout.log") << "one\ntwo\n";
    open({});
    text_.reset();
    work();
    turn();
    EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace syspulse::manager
