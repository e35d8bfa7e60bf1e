// Console control events as the signals that mean the same: Ctrl+C is SIGINT, Ctrl+Break, closing
// the console, logging off and shutting down are SIGTERM. And jumps of the wall clock, which
// Windows tells only to windows: they are seen by comparing it with the monotonic clock now and
// then.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "platform/signal_watch.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_service.hpp"

namespace syspulse::platform {
namespace {

constexpr int interrupt_number = 2;
constexpr int terminate_number = 15;
// Windows ends the process when the handler of these events returns, or a few seconds after it was
// called.
constexpr DWORD last_words_ms = 60'000;
constexpr Duration look_every = std::chrono::seconds{30};
constexpr std::chrono::milliseconds jump_from{1'000};

// A handler is a plain function, so there is one of these per process.
struct Receiver {
    std::mutex mutex;
    std::function<void(int)> received;  // Empty when nobody watches.
};
Receiver& receiver() {
    static Receiver instance;
    return instance;
}

// [a thread that Windows makes for the event]
BOOL WINAPI handle_event(DWORD event) {
    if (!deliver_signal(event == CTRL_C_EVENT ? interrupt_number : terminate_number)) return FALSE;
    const bool ends_process =
        event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT;
    if (ends_process) ::Sleep(last_words_ms);
    return TRUE;
}

// Waits in its destructor for a signal that is just being told: nobody is called afterwards.
class Reception final : public LoopWatch {
  public:
    Reception() = default;
    Reception(const Reception&) = delete;
    Reception& operator=(const Reception&) = delete;
    ~Reception() override {
        ::SetConsoleCtrlHandler(handle_event, FALSE);
        const std::lock_guard lock(receiver().mutex);
        receiver().received = nullptr;
    }
};

class ConsoleWatch final : public LoopWatch {
  public:
    ConsoleWatch() = default;
    ConsoleWatch(const ConsoleWatch&) = delete;
    ConsoleWatch& operator=(const ConsoleWatch&) = delete;
    ~ConsoleWatch() override { *alive_ = false; }

    Result<void> begin(EventLoop& loop, const std::vector<int>& numbers,
                       std::function<void(int)> received) {
        auto begun = receive_signals(
            [&loop, numbers, alive = alive_, tell = std::move(received)](int number) {
                if (std::ranges::find(numbers, number) == numbers.end()) return;
                loop.post([alive, tell, number] {
                    if (*alive) tell(number);
                });
            });
        if (!begun) return begun.error();
        reception_ = std::move(*begun);
        return {};
    }

  private:
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // [loop thread]
    std::unique_ptr<LoopWatch> reception_;
};

class WallClockWatch final : public LoopWatch {
  public:
    WallClockWatch(EventLoop& loop, std::function<void()> jumped)
        : loop_(loop), jumped_(std::move(jumped)), last_(clock_->now()) {
        look_later();
    }
    WallClockWatch(const WallClockWatch&) = delete;
    WallClockWatch& operator=(const WallClockWatch&) = delete;
    ~WallClockWatch() override { loop_.cancel_timer(timer_); }

  private:
    void look_later() {
        timer_ = loop_.start_timer(last_.mono + look_every, [this] { look(); });
    }
    void look() {
        const Now now = clock_->now();
        const auto passed =
            std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - last_.mono);
        const auto off = (now.wall - last_.wall) - passed;
        last_ = now;
        look_later();
        if (off >= jump_from || off <= -jump_from) jumped_();
    }

    std::unique_ptr<Clock> clock_ = make_system_clock();
    EventLoop& loop_;
    std::function<void()> jumped_;
    Now last_;
    TimerId timer_ = 0;
};

}  // namespace

Result<std::unique_ptr<LoopWatch>> receive_signals(std::function<void(int)> received) {
    {
        const std::lock_guard lock(receiver().mutex);
        receiver().received = std::move(received);
    }
    auto reception = std::make_unique<Reception>();
    // Whoever started us may have switched Ctrl+C off, which is inherited.
    ::SetConsoleCtrlHandler(nullptr, FALSE);
    if (::SetConsoleCtrlHandler(handle_event, TRUE) == 0)
        return os_error("cannot watch console events");
    return std::unique_ptr<LoopWatch>(std::move(reception));
}

bool deliver_signal(int number) {
    const std::lock_guard lock(receiver().mutex);
    if (!receiver().received) return false;
    receiver().received(number);
    return true;
}

Result<std::unique_ptr<LoopWatch>> watch_signals(EventLoop& loop, const std::vector<int>& numbers,
                                                 std::function<void(int)> received) {
    auto watch = std::make_unique<ConsoleWatch>();
    if (auto begun = watch->begin(loop, numbers, std::move(received)); !begun) return begun.error();
    return std::unique_ptr<LoopWatch>(std::move(watch));
}

// There is no SIGPIPE.
void survive_closed_outputs() noexcept {}

Result<std::unique_ptr<LoopWatch>> watch_wall_clock(EventLoop& loop, std::function<void()> jumped) {
    return std::unique_ptr<LoopWatch>(std::make_unique<WallClockWatch>(loop, std::move(jumped)));
}

}  // namespace syspulse::platform
