// The host that the kit shows to a plugin: legal in everything it does, and as unkind as the ABI
// allows. It records every completion, also those that it refuses.
#pragma once

#include <syspulse/plugin.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/time.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::conformance {

struct Metric {
    std::string name;
    double value = 0;
};

struct Event {
    enum class What : std::uint8_t { op, check, spawn, stats, exit };
    What what = What::op;
    sysp_op op = 0;
    sysp_proc proc = 0;
    sysp_status answered = SYSP_OK;  // What the plugin was told.
    std::optional<sysp_status> error;
    std::string message;
    std::int32_t outcome = 0;
    std::vector<Metric> metrics;
    std::size_t metric_count = 0;
    std::int64_t pid = 0;
    std::string token;
    std::size_t kept = 0;
    std::int32_t exit_kind = 0;
    std::int32_t exit_value = 0;
    std::uint32_t exit_flags = 0;
    sysp_stats stats{};
    Instant at;
};

struct HostBehaviour {
    bool extensions = true;      // Offer what the core offers.
    bool busy = false;           // run() has no free worker.
    bool stale = false;          // Every completion is answered SYSP_E_STALE.
    bool short_table = false;    // End at what 1.0 had, before a page that must not be touched.
    bool poisoned_tail = false;  // Longer than the plugin can know, with garbage in the rest.
};

class KitHost {
  public:
    explicit KitHost(HostBehaviour behaviour = {});
    ~KitHost();
    KitHost(const KitHost&) = delete;
    KitHost& operator=(const KitHost&) = delete;

    const sysp_host* table() const { return table_; }
    HostBehaviour& behaviour() { return behaviour_; }

    sysp_op new_op() { return next_op_ += 1; }
    sysp_proc new_proc() { return next_proc_ += 1; }

    // Runs the loop until `reached` or for `limit`; false in the latter case.
    bool until(const std::function<bool()>& reached, Duration limit);
    void settle(Duration time) {
        until([] { return false; }, time);
    }

    std::vector<Event> events();
    void forget();  // What there was, so that memory that grows is the plugin's.
    std::vector<Event> of(sysp_op op);
    std::vector<Event> exits(sysp_proc proc);
    std::optional<Event> wait_for(sysp_op op, Duration limit);
    std::optional<Event> wait_for_exit(sysp_proc proc, Duration limit);

    std::string log() const;                // Everything that was logged.
    std::optional<std::string> last_error;  // From set_error since it was cleared.
    std::size_t workers_busy();             // Jobs of run() that have not returned.
    void config_is_dead(const sysp_config* config);
    bool dead_config_used();
    std::function<void(const Event&)> on_event;  // On the loop thread, after the event.
    Instant now() const { return clock_->now().mono; }
    platform::EventLoop& loop() { return *loop_; }

    // For the functions of the table.
    sysp_status record(Event event);
    sysp_status post(void (*function)(void*), void* data);
    sysp_status run(void (*function)(void*), void* data);
    void add_log(std::string_view text);
    void keep_error(const sysp_error& error);
    // As a manager does, whose keeper has it: a job has its name as long as somebody has a handle.
    // Of the newest process; that is enough for a kit.
    void hold(std::int64_t job);

  private:
    void place_table();

    HostBehaviour behaviour_;
    std::unique_ptr<platform::Clock> clock_;
    std::unique_ptr<platform::EventLoop> loop_;
    const sysp_host* table_ = nullptr;
    sysp_op next_op_ = sysp_op{1} << 32;
    sysp_proc next_proc_ = sysp_proc{1} << 32;
    mutable std::mutex mutex_;
    std::vector<Event> events_;
    std::string log_;
    platform::OwnedHandle held_job_;
    std::size_t busy_workers_ = 0;
    std::condition_variable workers_idle_;
};

}  // namespace syspulse::conformance
