// One suite for both platforms: what the manager relies on holds for the system's event loop and
// process runner as for the simulated ones, so that what the simulation shows is true of the
// product.
#ifdef _WIN32
#include <windows.h>
#else
#include <fcntl.h>
#include <unistd.h>
#endif

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "platform/owned_handle.hpp"
#include "platform/sim/sim_world.hpp"
#include "platform/this_process.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::platform {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Words = std::vector<std::string>;

// Real time is short here, and generous where something is waited for.
constexpr Duration patience = seconds{60};

#ifdef _WIN32
constexpr const char* driver = "job";

Words sleeper() {
    return {CHILD_PROGRAM, "sleep"};
}
// Ctrl+C ends what has no handler for it, with this status; under Wine with 0.
ExitStatus end_of_sleeper() {
    const bool wine =
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
    return ExitStatus::exited(wine ? 0 : static_cast<std::int32_t>(0xC000013A));
}
NativeHandle open_null() {
    return static_cast<NativeHandle>(reinterpret_cast<std::intptr_t>(
        ::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                      nullptr, OPEN_EXISTING, 0, nullptr)));
}
constexpr const char* directory = "C:\\";
#else
constexpr const char* driver = "posix";

Words sleeper() {
    return {"/bin/sleep", "600"};
}
ExitStatus end_of_sleeper() {
    return ExitStatus::signalled(15);
}
NativeHandle open_null() {
    return ::open("/dev/null", O_RDWR | O_CLOEXEC);
}
constexpr const char* directory = "/";
#endif

class System {
  public:
    System() : clock_(make_system_clock()), loop_(*make_event_loop(*clock_)) {
        plugin_host::HostOptions options;
        options.search_paths = {BUNDLED_PLUGINS};
        host_ =
            std::move(plugin_host::PluginHost::create(*loop_, *clock_, std::move(options)).value());
    }
    const Clock& clock() { return *clock_; }
    EventLoop& loop() { return *loop_; }
    ProcessRunner& runner() { return host_->processes(); }
    // Until stop().
    void run() { loop_->run(); }

    SpawnRequest request(RunId run) {
        SpawnRequest request;
        request.argv = sleeper();
        request.env = {"PATH=/usr/bin:/bin"};
        request.run = run;
        return request;
    }
    static ExitStatus end_by_sigterm() { return end_of_sleeper(); }
    SpawnRequest broken(RunId run) {
        SpawnRequest wrong = request(run);
        wrong.argv = {"/no/such/program"};
        return wrong;
    }

  private:
    std::unique_ptr<Clock> clock_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<plugin_host::PluginHost> host_;
};

class Simulated {
  public:
    const Clock& clock() { return clock_; }
    EventLoop& loop() { return loop_; }
    ProcessRunner& runner() { return runner_; }
    void run() { loop_.run(); }

    SpawnRequest request(RunId run) {
        SpawnRequest request;
        request.run = run;
        return request;
    }
    // Scripted processes handle SIGTERM.
    static ExitStatus end_by_sigterm() { return ExitStatus::exited(0); }
    SpawnRequest broken(RunId run) {
        world_.faults.spawn_fails = 1;
        return request(run);
    }

  private:
    Random random_{1};
    sim::SimClock clock_;
    sim::SimLoop loop_{clock_, random_};
    sim::SimWorld world_{clock_, loop_, random_};
    sim::SimProcessRunner runner_{world_};
};

// Notes what comes back, and ends the loop at the event that is waited for.
template <class World>
class Contract : public testing::Test, private ProcessObserver {
  protected:
    Contract() { world_.runner().set_observer(this); }
    ~Contract() override { world_.runner().set_observer(nullptr); }

    EventLoop& loop() { return world_.loop(); }
    ProcessRunner& runner() { return world_.runner(); }
    Instant in(Duration delay) { return world_.clock().now().mono + delay; }

    void spawn(SpawnRequest request) {
        // Nobody else's: Wine keeps the name of a job for longer than the job.
        request.run_id = "contract." + std::to_string(process_id()) + "." +
                         testing::UnitTest::GetInstance()->current_test_info()->name();
        request.unit = "contract";
        request.driver = driver;
        request.options_json = "{}";
        request.working_dir = directory;
        for (NativeHandle& handle : request.stdio) handle = null_.get();
        runner().spawn(request);
        EXPECT_TRUE(seen_.empty()) << "nothing is reported from inside the call";
    }
    void run_until(const std::string& event) {
        awaited_ = event;
        const TimerId late = loop().start_timer(in(patience), [this, event] {
            ADD_FAILURE() << "waited in vain for " << event;
            loop().stop();
        });
        world_.run();
        loop().cancel_timer(late);
    }
    // Everything that is posted by now has run.
    void settle() {
        loop().post([this] { loop().stop(); });
        world_.run();
    }

    World world_;
    Words seen_;
    SpawnedProcess process_;
    ExitStatus status_;
    ErrorCode error_ = ErrorCode::internal;

  private:
    void see(const std::string& event) {
        seen_.push_back(event);
        if (event == awaited_) loop().stop();
    }
    void spawned(RunId, const SpawnedProcess& process) override {
        process_ = process;
        see("spawned");
    }
    void spawn_failed(RunId, const Error&) override { see("spawn_failed"); }
    void recover_failed(RunId, const Error& error) override {
        error_ = error.code;
        see("recover_failed");
    }
    void exited(RunId, const ExitStatus& status) override {
        status_ = status;
        see("exited");
    }

    OwnedHandle null_{open_null()};
    std::string awaited_;
};

using Worlds = testing::Types<System, Simulated>;
TYPED_TEST_SUITE(Contract, Worlds);

TYPED_TEST(Contract, posted_tasks_run_in_order_and_after_what_is_queued) {
    std::string order;
    this->loop().post([&] {
        order += 'a';
        this->loop().post([&] {
            order += 'c';
            this->loop().stop();
        });
    });
    this->loop().post([&] { order += 'b'; });
    this->world_.run();
    EXPECT_EQ(order, "abc");
}

TYPED_TEST(Contract, timers_run_once_in_the_order_they_are_due_and_never_early) {
    std::string order;
    const Instant later = this->in(milliseconds{20});
    this->loop().start_timer(later, [&] {
        order += 'b';
        EXPECT_GE(this->world_.clock().now().mono, later);
        this->loop().stop();
    });
    this->loop().start_timer(this->in(milliseconds{5}), [&] { order += 'a'; });
    this->world_.run();
    EXPECT_EQ(order, "ab");
}

TYPED_TEST(Contract, a_timer_that_is_cancelled_never_runs_not_even_by_one_due_with_it) {
    const Instant when = this->in(milliseconds{5});
    TimerId second = 0;
    this->loop().start_timer(when, [&] { this->loop().cancel_timer(second); });
    second = this->loop().start_timer(when, [] { FAIL() << "it was cancelled"; });
    const TimerId third = this->loop().start_timer(when, [] { FAIL() << "it was cancelled"; });
    this->loop().cancel_timer(third);
    this->loop().start_timer(this->in(milliseconds{20}), [&] { this->loop().stop(); });
    this->world_.run();
}

TYPED_TEST(Contract, a_process_is_reported_once_and_ends_by_the_signal_it_gets) {
    this->spawn(this->world_.request(RunId{1}));
    this->run_until("spawned");
    EXPECT_GT(this->process_.pid, 0);
    EXPECT_FALSE(this->process_.token.empty());
    this->runner().signal(RunId{1}, 15, {});
    this->run_until("exited");
    EXPECT_EQ(this->status_, this->world_.end_by_sigterm());
    this->runner().release(RunId{1});
    this->runner().release(RunId{1});
    this->settle();
    EXPECT_EQ(this->seen_, (Words{"spawned", "exited"}));
}

TYPED_TEST(Contract, kill_tree_ends_a_process) {
    this->spawn(this->world_.request(RunId{1}));
    this->run_until("spawned");
    this->runner().kill_tree(RunId{1}, {});
    this->run_until("exited");
    EXPECT_EQ(this->status_, ExitStatus::signalled(9));
}

TYPED_TEST(Contract, a_spawn_that_fails_is_reported_once) {
    this->spawn(this->world_.broken(RunId{1}));
    this->run_until("spawn_failed");
    this->settle();
    EXPECT_EQ(this->seen_, Words{"spawn_failed"});
}

TYPED_TEST(Contract, a_run_that_is_not_there_cannot_be_recovered) {
    this->runner().recover({RunId{7}, "contract.7", "contract", driver, "{}", ""});
    EXPECT_TRUE(this->seen_.empty()) << "nothing is reported from inside the call";
    this->run_until("recover_failed");
    EXPECT_EQ(this->error_, ErrorCode::not_found);
}

}  // namespace
}  // namespace syspulse::platform
