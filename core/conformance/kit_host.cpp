#include "conformance/kit_host.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "base/detached_thread.hpp"
#include "conformance/kit_system.hpp"
#include "plugin_host/plugin_config.hpp"

namespace syspulse::conformance {
namespace {

constexpr Duration tick = std::chrono::milliseconds{5};
// A job that never returns is not waited for until its case counts as hanging.
constexpr Duration workers_limit = std::chrono::seconds{30};
constexpr std::size_t text_max = 64UL * 1024;

// Handles of configurations say nothing of the host that gave them, so that the dead ones are kept
// for the whole process, which runs one case.
struct Configs {
    std::mutex mutex;
    std::set<const sysp_config*> dead;
    bool dead_used = false;
    sysp_host real{};
};

Configs& configs() {
    static Configs all;
    return all;
}

const sysp_host& real_access(const sysp_config* config) {
    Configs& all = configs();
    const std::lock_guard lock(all.mutex);
    if (all.real.cfg_str == nullptr) plugin_host::provide_config_access(all.real);
    if (all.dead.contains(config)) all.dead_used = true;
    return all.real;
}

template <auto Function, class Out>
sysp_status SYSP_CALL access(const sysp_config* config, const char* path, Out* out) {
    return (real_access(config).*Function)(config, path, out);
}

KitHost& kit(const sysp_host* host) {
    return *static_cast<KitHost*>(host->impl);
}

std::string text_of(const sysp_str& text) {
    if (text.ptr == nullptr) return {};
    return {text.ptr, std::min(text.len, text_max)};
}

Event event_of(Event::What what, sysp_op op, const sysp_error* error) {
    Event event;
    event.what = what;
    event.op = op;
    if (error != nullptr) {
        event.error = error->code;
        event.message = text_of(error->message);
    }
    return event;
}

sysp_status SYSP_CALL op_done(const sysp_host* host, sysp_op op, const sysp_error* error) {
    return kit(host).record(event_of(Event::What::op, op, error));
}

sysp_status SYSP_CALL check_done(const sysp_host* host, sysp_op op, const sysp_check_result* result,
                                 const sysp_error* error) {
    Event event = event_of(Event::What::check, op, error);
    if (error == nullptr && result != nullptr) {
        event.outcome = result->outcome;
        event.message = text_of(result->message);
        event.metric_count = result->metric_count;
        for (std::size_t i = 0; i < std::min<std::size_t>(result->metric_count, 100); ++i) {
            event.metrics.push_back({text_of(result->metrics[i].name), result->metrics[i].value});
        }
    }
    return kit(host).record(std::move(event));
}

sysp_status SYSP_CALL spawn_done(const sysp_host* host, sysp_op op, const sysp_spawn_result* result,
                                 const sysp_error* error) {
    Event event = event_of(Event::What::spawn, op, error);
    if (error == nullptr && result != nullptr) {
        event.pid = result->pid;
        event.token = text_of(result->token);
        event.kept = result->keep_count;
        for (std::size_t i = 0; i < result->keep_count; ++i) {
            if (is_inherited(result->keep[i].handle)) event.outcome = -1;
            if (result->keep[i].kind == SYSP_KEEP_JOB) kit(host).hold(result->keep[i].handle);
        }
    }
    return kit(host).record(std::move(event));
}

sysp_status SYSP_CALL stats_done(const sysp_host* host, sysp_op op, const sysp_stats* stats,
                                 const sysp_error* error) {
    Event event = event_of(Event::What::stats, op, error);
    if (error == nullptr && stats != nullptr) {
        std::memcpy(&event.stats, stats, std::min<std::size_t>(stats->size, sizeof event.stats));
    }
    return kit(host).record(std::move(event));
}

sysp_status SYSP_CALL proc_exited(const sysp_host* host, sysp_proc proc, const sysp_exit* exit) {
    Event event;
    event.what = Event::What::exit;
    event.proc = proc;
    event.exit_kind = exit->kind;
    event.exit_value = exit->value;
    event.exit_flags = exit->flags;
    return kit(host).record(std::move(event));
}

void SYSP_CALL write_log(const sysp_host* host, std::int32_t, const char* text, std::size_t size) {
    kit(host).add_log({text, std::min(size, text_max)});
}

void SYSP_CALL set_error(const sysp_host* host, const sysp_error* error) {
    if (error != nullptr) kit(host).keep_error(*error);
}

sysp_status SYSP_CALL run(const sysp_host* host, void (*function)(void*), void* data) {
    return kit(host).run(function, data);
}

sysp_status SYSP_CALL post(const sysp_host* host, void (*function)(void*), void* data) {
    return kit(host).post(function, data);
}

sysp_status SYSP_CALL io_watch(const sysp_host* host, sysp_handle handle, std::uint32_t interest,
                               void (*ready)(void*, std::uint32_t), void* data, std::uint64_t* id) {
    const auto watched = kit(host).loop().watch(
        handle, interest & 3U, [ready, data](std::uint32_t bits) { ready(data, bits); });
    if (!watched) return SYSP_E_OS;
    *id = *watched;
    return SYSP_OK;
}

sysp_status SYSP_CALL io_rewatch(const sysp_host* host, std::uint64_t id, std::uint32_t interest) {
    kit(host).loop().rewatch(id, interest & 3U);
    return SYSP_OK;
}

void SYSP_CALL io_unwatch(const sysp_host* host, std::uint64_t id) {
    kit(host).loop().unwatch(id);
}

sysp_status SYSP_CALL io_start_timer(const sysp_host* host, std::uint64_t delay, void (*due)(void*),
                                     void* data, std::uint64_t* id) {
    constexpr std::uint64_t longest = 1'000'000'000ULL * 86400 * 365;
    const Duration wait{static_cast<std::int64_t>(std::min(delay, longest))};
    *id = kit(host).loop().start_timer(kit(host).now() + wait, [due, data] { due(data); });
    return SYSP_OK;
}

void SYSP_CALL io_cancel_timer(const sysp_host* host, std::uint64_t id) {
    kit(host).loop().cancel_timer(id);
}

std::uint64_t SYSP_CALL io_now(const sysp_host* host) {
    return static_cast<std::uint64_t>(kit(host).now().time_since_epoch().count());
}

const void* SYSP_CALL get_extension(const sysp_host* host, const char* id) {
    static const sysp_io io{sizeof(sysp_io), 0,          io_watch,
                            io_rewatch,      io_unwatch, io_start_timer,
                            io_cancel_timer, io_now};
    if (!kit(host).behaviour().extensions || std::strcmp(id, SYSP_EXT_IO) != 0) return nullptr;
    return &io;
}

sysp_host make_table(KitHost* impl) {
    sysp_host host{};
    host.size = sizeof host;
    host.abi_major = SYSP_ABI_MAJOR;
    host.abi_minor = SYSP_ABI_MINOR;
    host.impl = impl;
    host.get_extension = get_extension;
    host.log = write_log;
    host.set_error = set_error;
    host.run = run;
    host.post = post;
    host.op_done = op_done;
    host.check_done = check_done;
    host.spawn_done = spawn_done;
    host.stats_done = stats_done;
    host.proc_exited = proc_exited;
    host.cfg_str = access<&sysp_host::cfg_str, sysp_str>;
    host.cfg_i64 = access<&sysp_host::cfg_i64, std::int64_t>;
    host.cfg_f64 = access<&sysp_host::cfg_f64, double>;
    host.cfg_bool = access<&sysp_host::cfg_bool, std::int32_t>;
    host.cfg_count = access<&sysp_host::cfg_count, std::size_t>;
    host.cfg_json = access<&sysp_host::cfg_json, sysp_str>;
    return host;
}

}  // namespace

KitHost::KitHost(HostBehaviour behaviour)
    : behaviour_(behaviour),
      clock_(platform::make_system_clock()),
      loop_(*platform::make_event_loop(*clock_)) {
    place_table();
}

// Jobs that go on would use what is gone, as a blocking check does that was asked to end.
KitHost::~KitHost() {
    std::unique_lock lock(mutex_);
    workers_idle_.wait_for(lock, workers_limit, [this] { return busy_workers_ == 0; });
}

// The table stays for the life of the process, as the ABI promises.
void KitHost::place_table() {
    const sysp_host host = make_table(this);
    const std::span<char> page = table_page(behaviour_.short_table);
    char* place = page.data();
    if (behaviour_.short_table) place += page.size() - sizeof host;
    if (behaviour_.poisoned_tail) std::memset(page.data(), 0xA5, page.size());
    std::memcpy(place, &host, sizeof host);
    auto* const table = reinterpret_cast<sysp_host*>(place);
    if (behaviour_.poisoned_tail) table->size = sizeof host + 64;
    table_ = table;
}

bool KitHost::until(const std::function<bool()>& reached, Duration limit) {
    const Instant end = now() + limit;
    while (!reached()) {
        if (now() >= end) return false;
        const auto timer = loop_->start_timer(now() + tick, [this] { loop_->stop(); });
        loop_->run();
        loop_->cancel_timer(timer);
    }
    return true;
}

std::vector<Event> KitHost::events() {
    const std::lock_guard lock(mutex_);
    return events_;
}

void KitHost::forget() {
    const std::lock_guard lock(mutex_);
    events_.clear();
    log_.clear();
}

std::vector<Event> KitHost::of(sysp_op op) {
    auto all = events();
    std::erase_if(all, [op](const Event& e) { return e.what == Event::What::exit || e.op != op; });
    return all;
}

std::vector<Event> KitHost::exits(sysp_proc proc) {
    auto all = events();
    std::erase_if(all,
                  [&](const Event& e) { return e.what != Event::What::exit || e.proc != proc; });
    return all;
}

std::optional<Event> KitHost::wait_for(sysp_op op, Duration limit) {
    if (!until([&] { return !of(op).empty(); }, limit)) return std::nullopt;
    return of(op).front();
}

std::optional<Event> KitHost::wait_for_exit(sysp_proc proc, Duration limit) {
    if (!until([&] { return !exits(proc).empty(); }, limit)) return std::nullopt;
    return exits(proc).front();
}

std::string KitHost::log() const {
    const std::lock_guard lock(mutex_);
    return log_;
}

std::size_t KitHost::workers_busy() {
    const std::lock_guard lock(mutex_);
    return busy_workers_;
}

void KitHost::config_is_dead(const sysp_config* config) {
    const std::lock_guard lock(configs().mutex);
    configs().dead.insert(config);
}

bool KitHost::dead_config_used() {
    const std::lock_guard lock(configs().mutex);
    return configs().dead_used;
}

sysp_status KitHost::record(Event event) {
    event.at = now();
    if (behaviour_.stale) event.answered = SYSP_E_STALE;
    {
        const std::lock_guard lock(mutex_);
        const bool again = event.what != Event::What::exit &&
                           std::any_of(events_.begin(), events_.end(), [&](const Event& earlier) {
                               return earlier.what != Event::What::exit && earlier.op == event.op;
                           });
        if (again) event.answered = SYSP_E_STALE;
        events_.push_back(event);
    }
    loop_->post([this, event] {
        if (on_event) on_event(event);
    });
    return event.answered;
}

sysp_status KitHost::post(void (*function)(void*), void* data) {
    loop_->post([function, data] { function(data); });
    return SYSP_OK;
}

sysp_status KitHost::run(void (*function)(void*), void* data) {
    if (behaviour_.busy) return SYSP_E_BUSY;
    {
        const std::lock_guard lock(mutex_);
        ++busy_workers_;
    }
    start_detached([this, function, data] {
        function(data);
        const std::lock_guard lock(mutex_);
        --busy_workers_;
        workers_idle_.notify_all();
    });
    return SYSP_OK;
}

void KitHost::add_log(std::string_view text) {
    const std::lock_guard lock(mutex_);
    log_.append(text).push_back('\n');
}

void KitHost::hold(std::int64_t job) {
    auto copy = platform::duplicate_handle(job);
    held_job_ = copy ? std::move(*copy) : platform::OwnedHandle();
}

void KitHost::keep_error(const sysp_error& error) {
    last_error = text_of(error.message);
}

}  // namespace syspulse::conformance
