// A small host for plugin tests: loads one plugin file, gives it a loop over poll(2), and records
// what the plugin completes. It depends on the SDK's C header only.
#pragma once

#include <syspulse/plugin.h>
#include <algorithm>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace syspulse::testing {

struct Done {
    sysp_status status = SYSP_OK;
    int os_code = 0;
    std::string message;  // Of the error, or of the check result.
    std::int32_t outcome = -1;
    std::int64_t pid = -1;
    std::string token;
    std::uint32_t flags = 0;  // Of the spawn result.
    sysp_stats stats{};
};

// Values by JSON Pointer, as text: "true", "42", a string, or JSON for lists and maps. A list "/a"
// of two items is given as "/a" -> "#2" and "/a/0", "/a/1".
using Options = std::map<std::string, std::string>;

class FakePluginHost {
  public:
    explicit FakePluginHost(const std::string& file, const Options& options = {});
    ~FakePluginHost();
    FakePluginHost(const FakePluginHost&) = delete;
    FakePluginHost& operator=(const FakePluginHost&) = delete;

    const sysp_kind& kind() const { return *kind_; }
    const sysp_status& create_status() const { return create_status_; }
    const std::string& create_message() const { return rejection_.message; }

    // A checker: runs the loop until the check is answered, or gives up after 20 s.
    Done check(const std::string& target, std::uint32_t timeout_ms);
    sysp_op start_check(const std::string& target, std::uint32_t timeout_ms);
    void cancel_check(sysp_op op);

    // A driver.
    struct Spawn {
        std::vector<std::string> argv;
        std::vector<std::string> env = {"PATH=/usr/bin:/bin"};
        std::string cwd, user, run_id;  // An empty id becomes one of its own.
        sysp_handle stdio[3] = {-1, -1, -1};
        sysp_limits limits{};
        std::int32_t* pid_slot = nullptr;
    };
    Done spawn(sysp_proc proc, const Spawn& spawn);
    // Does not wait for the answer, which result() has some time; zero when it is refused at once.
    sysp_op begin_spawn(sysp_proc proc, const Spawn& spawn);
    void cancel_spawn(sysp_op op) { vtbl<sysp_driver_vtbl>().cancel(self_, op); }
    Done recover(sysp_proc proc, const std::string& run_id, const std::string& token);
    Done signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig = 0);
    Done inspect(sysp_proc proc);
    Done stats(sysp_proc proc);
    // What syspulse.try/1 says, with process_options; SYSP_E_UNSUPPORTED without it.
    Done try_spawn(const Spawn& spawn) {
        const auto get = vtbl<sysp_driver_vtbl>().get_extension;
        const void* found = get == nullptr ? nullptr : get(self_, SYSP_EXT_TRY);
        const auto* const table = static_cast<const sysp_try*>(found);
        sysp_limits limits = spawn.limits;
        limits.size = sizeof limits;
        const auto* config = reinterpret_cast<const sysp_config*>(&process_options);
        rejection_ = {};
        const sysp_status status =
            table == nullptr ? SYSP_E_UNSUPPORTED : table->try_spawn(self_, config, &limits);
        rejection_.status = status;
        return rejection_;
    }
    // SYSP_E_UNSUPPORTED without syspulse.freeze/1.
    Done freeze(sysp_proc proc, bool frozen) {
        const auto get = vtbl<sysp_driver_vtbl>().get_extension;
        const void* found = get == nullptr ? nullptr : get(self_, SYSP_EXT_FREEZE);
        Done unsupported;
        unsupported.status = SYSP_E_UNSUPPORTED;
        if (found == nullptr) return unsupported;
        const auto& table = *static_cast<const sysp_freeze*>(found);
        const sysp_op op = next_id_++;
        return finish(op, (frozen ? table.freeze : table.thaw)(self_, op, proc));
    }
    // Options of the next spawns, as JSON Pointers; those given to the constructor are of the kind.
    Options process_options{};
    void release(sysp_proc proc) {  // Forgets its exit, too.
        vtbl<sysp_driver_vtbl>().release(self_, proc);
        exits_.erase(proc);
        told_by_watch_.erase(proc);
    }
    // Every process that was spawned, in order, also those that have ended or were released.
    const std::vector<Done>& started() const { return started_; }
    std::optional<sysp_exit> wait_exit(sysp_proc proc);
    void recreate();  // Destroys the instance and makes a new one.

    // What a plugin asks workers to do waits while they are held.
    void hold_workers() { workers_held_ = true; }
    void release_workers() {
        workers_held_ = false;
        for (const auto& [fn, data] : std::exchange(held_, {})) run_on_worker(fn, data);
    }

    // As the system does that has no more room for watches.
    void refuse_watches(bool refused) { watches_refused_ = refused; }

    // From here on no timer is ever due: what goes on follows from what is watched.
    void hold_timers() { timers_held_ = true; }
    // How long after its start each pending timer is due.
    std::vector<std::uint64_t> timer_delays_ns() const {
        std::vector<std::uint64_t> delays;
        for (const auto& [id, timer] : timers_) delays.push_back(timer.delay_ns);
        return delays;
    }
    // Whether the end was told while a watched handle was being served.
    bool end_was_told_by_a_watch(sysp_proc proc) const { return told_by_watch_.count(proc) != 0; }

    // Whether it was told before the start was answered, which no driver may do.
    bool end_was_told_before_the_start(sysp_proc proc) const {
        return told_before_start_.count(proc) != 0;
    }

    // Runs the loop until the condition holds; false after 20 s.
    bool run_until(const std::function<bool()>& condition);
    std::optional<Done> result(sysp_op op);
    int completions(sysp_op op);
    std::size_t watch_count() const { return watches_.size(); }
    std::size_t timer_count() const { return timers_.size(); }
    // What the plugin has logged, a line each.
    std::string log() {
        const std::lock_guard lock{mutex_};
        return log_;
    }

  private:
    static constexpr int longest_wait_ms = 5;

    struct Watch {
        sysp_handle handle;
        std::uint32_t interest;
        void (*ready)(void*, std::uint32_t);
        void* context;
    };
    struct Timer {
        std::uint64_t due_ns;
        std::uint64_t delay_ns;
        void (*due)(void*);
        void* context;
    };
    struct Slots;

    static void note_line(const sysp_host* host, std::int32_t, const char* line, std::size_t size) {
        auto& self = *static_cast<FakePluginHost*>(host->impl);
        const std::lock_guard lock{self.mutex_};
        self.log_.append(line, size) += '\n';
    }

    void run_on_worker(void (*fn)(void*), void* data) {
        if (workers_held_) {
            held_.emplace_back(fn, data);
        } else {
            workers_.emplace_back(fn, data);
        }
    }
    void join_workers() {
        release_workers();
        for (auto& worker : workers_) worker.join();
    }

    void create();
    void turn();
    void run_due_timers();
    void run_posted();
    Done finish(sysp_op op, sysp_status accepted);
    void complete(sysp_op op, Done done, const sysp_error* error);
    template <class Vtbl>
    const Vtbl& vtbl() const {
        return *static_cast<const Vtbl*>(kind_->vtbl);
    }

    Options options_;
    sysp_host host_{};
    sysp_io io_{};
    const sysp_kind* kind_ = nullptr;
    void* self_ = nullptr;
    sysp_status create_status_ = SYSP_E_INTERNAL;
    Done rejection_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Watch> watches_;
    std::map<std::uint64_t, Timer> timers_;
    std::mutex mutex_;  // Guards what workers touch: the three below.
    std::string log_;
    std::map<sysp_op, std::vector<Done>> done_;
    std::vector<std::pair<void (*)(void*), void*>> posted_;
    std::map<sysp_proc, sysp_exit> exits_;
    std::vector<Done> started_;
    std::vector<std::thread> workers_;
    bool workers_held_ = false;
    bool timers_held_ = false;
    bool watches_refused_ = false;
    bool serving_watch_ = false;
    // Whether one is due before a wait would be over.
    bool timer_is_near(std::uint64_t now) const {
        const std::uint64_t then = now + longest_wait_ms * std::uint64_t{1'000'000};
        return !timers_held_ && std::any_of(timers_.begin(), timers_.end(), [then](const auto& t) {
            return t.second.due_ns < then;
        });
    }
    std::set<sysp_proc> told_by_watch_;
    std::map<sysp_op, sysp_proc> beginning_;
    std::set<sysp_proc> told_before_start_;
    std::vector<std::pair<void (*)(void*), void*>> held_;
};

}  // namespace syspulse::testing
