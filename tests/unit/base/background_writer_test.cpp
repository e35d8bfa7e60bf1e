// The writer with an output that the test holds up: nobody waits for it, and nothing that was taken
// is lost or out of order.
#include "base/background_writer.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>

namespace syspulse {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

class BackgroundWriting : public testing::Test {
  protected:
    ~BackgroundWriting() override { open(true); }

    void start(std::size_t capacity) {
        auto started = BackgroundWriter::start(
            [output = output_](std::string_view text) { return output->write(text); }, capacity,
            [output = output_] { output->note_change(); });
        ASSERT_TRUE(started);
        writer_ = std::move(*started);
    }

    // Shared with the thread, which may go on for a moment.
    struct Output {
        bool write(std::string_view text) {
            std::unique_lock lock(mutex);
            entered = true;
            news.notify_all();
            news.wait(lock, [this] { return open; });
            written += text;
            news.notify_all();
            return !gone;
        }
        void note_change() {
            const std::lock_guard lock(mutex);
            ++changes;
            news.notify_all();
        }
        std::mutex mutex;
        std::condition_variable news;
        std::string written;
        bool open = false;
        bool gone = false;
        bool entered = false;
        int changes = 0;
    };

    void open(bool is_open) {
        const std::lock_guard lock(output_->mutex);
        output_->open = is_open;
        output_->news.notify_all();
    }
    template <class Condition>
    bool wait_for(Condition condition) {
        std::unique_lock lock(output_->mutex);
        return output_->news.wait_for(lock, minutes{1}, condition);
    }
    void until_stuck() {
        ASSERT_TRUE(wait_for([this] { return output_->entered; }));
    }

    std::shared_ptr<Output> output_ = std::make_shared<Output>();
    std::unique_ptr<BackgroundWriter> writer_;
};

TEST_F(BackgroundWriting, takes_so_much_and_then_refuses_while_the_output_is_stuck) {
    start(10);
    EXPECT_TRUE(writer_->write("first "));
    until_stuck();
    EXPECT_TRUE(writer_->write("a whole line beyond the capacity "));
    EXPECT_FALSE(writer_->write("lost"));
    EXPECT_FALSE(writer_->flush(milliseconds{1}));
    open(true);
    EXPECT_TRUE(wait_for([this] { return output_->changes == 1; }));
    EXPECT_TRUE(writer_->write("last"));
    EXPECT_TRUE(writer_->flush(minutes{1}));
    EXPECT_EQ(output_->written, "first a whole line beyond the capacity last");
}

TEST_F(BackgroundWriting, says_when_nobody_will_ever_read_and_takes_everything_then) {
    start(10);
    output_->gone = true;
    open(true);
    EXPECT_TRUE(writer_->write("x"));
    EXPECT_TRUE(wait_for([this] { return output_->changes == 1; }));
    EXPECT_TRUE(writer_->is_gone());
    EXPECT_TRUE(writer_->write(std::string(100, 'x')));
    EXPECT_TRUE(writer_->write("y"));
    EXPECT_TRUE(writer_->flush(minutes{1}));
    EXPECT_EQ(output_->written, "x");
}

TEST_F(BackgroundWriting, ends_without_waiting_for_an_output_that_is_stuck) {
    start(10);
    EXPECT_TRUE(writer_->write("x"));
    until_stuck();
    writer_.reset();
    open(true);
    EXPECT_TRUE(wait_for([this] { return output_->written == "x"; }));
    EXPECT_EQ(output_->changes, 0);
}

}  // namespace
}  // namespace syspulse
