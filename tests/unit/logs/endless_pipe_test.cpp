// A pipe that is never empty, as of a process that outlives its daemon and writes as fast as the
// capture reads: it must not keep the capture from everybody else.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "logs/capture_thread.hpp"
#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

using platform::NativeHandle;

class EndlessPipes final : public platform::OutputPipes {
  public:
    Result<void> create(const std::filesystem::path&) override { return {}; }
    void remove(const std::filesystem::path&) override {}
    Result<NativeHandle> open_reader(const std::filesystem::path&) override { return {1}; }
    Result<NativeHandle> open_writer(const std::filesystem::path&) override { return {1}; }
    void give(platform::NativeHandle, std::uint32_t) override {}
    platform::FileId id_of(NativeHandle) const override { return {}; }
    void close(NativeHandle) noexcept override {}
    void wake() noexcept override {
        const std::lock_guard lock(mutex_);
        awake_ = true;
        news_.notify_all();
    }
    Result<void> hand_over(NativeHandle) override { return {}; }
    std::size_t capacity() const override { return 100; }
    void begin_serving() override {}
    NativeHandle receive() override { return ++received_; }
    Result<void> add(NativeHandle, std::uint64_t) override { return {}; }
    void wait(std::vector<platform::PipeEvent>& events, bool block) override {
        events.clear();
        std::unique_lock lock(mutex_);
        if (block) news_.wait(lock, [this] { return awake_; });
        awake_ = false;
    }
    void pause(Duration) override {}
    std::size_t available(NativeHandle) const override { return 64 * 1024; }
    bool has_writers(NativeHandle) const override { return true; }
    void enlarge(NativeHandle) override {}
    Result<std::size_t> peek(NativeHandle, std::span<char>) override { return {0}; }
    Result<std::size_t> move_to(NativeHandle, platform::OutputFile&, std::uint64_t,
                                std::size_t size) override {
        return size;
    }
    std::size_t discard(NativeHandle, std::size_t size) override { return size; }

  private:
    std::mutex mutex_;
    std::condition_variable news_;
    bool awake_ = false;
    NativeHandle received_ = 0;
};

class EndlessPipe : public LogTest {
  protected:
    Command command(Command::Kind kind) const {
        return {.kind = kind,
                .daemon = 1,
                .dir = std::make_shared<const KeptPath>(dir()),
                .has_pipe = {true, true}};
    }
    // The thread obeys what comes after.
    void expect_obedience() {
        std::promise<void> told;
        Command tell = command(Command::Kind::tell);
        tell.done = [&] { told.set_value(); };
        thread_.post(std::move(tell));
        EXPECT_EQ(told.get_future().wait_for(std::chrono::minutes{1}), std::future_status::ready);
    }

    EndlessPipes pipes_;
    CaptureThread thread_{pipes_, *clock_};
};

TEST_F(EndlessPipe, is_waited_for_only_so_long) {
    thread_.post(command(Command::Kind::open));
    expect_obedience();
}

TEST_F(EndlessPipe, can_be_closed) {
    thread_.post(command(Command::Kind::open));
    thread_.post(command(Command::Kind::close));
    expect_obedience();
}

TEST_F(EndlessPipe, can_be_replaced) {
    thread_.post(command(Command::Kind::open));
    thread_.post(command(Command::Kind::open));
    expect_obedience();
}

}  // namespace
}  // namespace syspulse::logs
