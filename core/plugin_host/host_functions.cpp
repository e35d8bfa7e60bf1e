#include "plugin_host/host_functions.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "platform/owned_handle.hpp"
#include "plugin_host/foreign_struct.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/plugin_config.hpp"
#include "plugin_host/plugin_metrics.hpp"
#include "plugin_host/plugin_stats.hpp"

// Nothing may throw across the ABI: a failed allocation in here ends the process through noexcept,
// as it does everywhere else in the core.
namespace syspulse::plugin_host {
namespace {

Instance* instance_of(const sysp_host* host) {
    return host == nullptr ? nullptr : static_cast<Instance*>(host->impl);
}

const void* SYSP_CALL get_extension(const sysp_host*, const char* id) noexcept {
    if (id == nullptr || std::strcmp(id, SYSP_EXT_IO) != 0) return nullptr;
    return io_extension();
}

void SYSP_CALL write_log(const sysp_host* host, std::int32_t level, const char* text,
                         std::size_t length) noexcept {
    Instance* const instance = instance_of(host);
    if (instance != nullptr) instance->core->log(*instance, level, text, length);
}

void SYSP_CALL set_error(const sysp_host* host, const sysp_error* error) noexcept {
    Instance* const instance = instance_of(host);
    if (instance != nullptr && error != nullptr) instance->core->keep_error(*instance, *error);
}

sysp_status SYSP_CALL run(const sysp_host* host, void (*function)(void*), void* data) noexcept {
    Instance* const instance = instance_of(host);
    if (instance == nullptr || function == nullptr) return SYSP_E_INVALID;
    if (!instance->open) return SYSP_E_STALE;
    return instance->core->run_on_worker([instance, function, data] {
        const WorkerCall mark(instance->core->calls(), instance->number);
        try {
            function(data);
        } catch (...) {
            log::error("plugin " + *instance->label + ": a C++ exception escaped in a worker");
        }
    });
}

sysp_status SYSP_CALL post(const sysp_host* host, void (*function)(void*), void* data) noexcept {
    Instance* const instance = instance_of(host);
    if (instance == nullptr || function == nullptr) return SYSP_E_INVALID;
    if (!instance->open) return SYSP_E_STALE;
    return instance->core->post(
        [core = instance->core->shared_from_this(), instance, function, data] {
            if (!core->now()) return;  // The host was closed meanwhile.
            static_cast<void>(core->call(*instance, "a posted function", [&] {
                function(data);
                return sysp_status{SYSP_OK};
            }));
        });
}

template <class Fill>
sysp_status finish(const sysp_host* host, sysp_op op, OpType type, const sysp_error* error,
                   Fill fill) {
    Instance* const instance = instance_of(host);
    if (instance == nullptr) return SYSP_E_INVALID;
    if (!instance->open) return SYSP_E_STALE;
    Completion answer;
    if (error != nullptr) {
        answer.error = instance->core->shown(*instance, *error);
    } else if (!fill(answer)) {
        answer.error = Error{ErrorCode::internal, "the plugin completed it without a result"};
    }
    return instance->core->complete(*instance, op, type, std::move(answer));
}

sysp_status SYSP_CALL op_done(const sysp_host* host, sysp_op op, const sysp_error* error) noexcept {
    return finish(host, op, OpType::plain, error, [](Completion&) { return true; });
}

sysp_status SYSP_CALL check_done(const sysp_host* host, sysp_op op, const sysp_check_result* result,
                                 const sysp_error* error) noexcept {
    return finish(host, op, OpType::check, error, [host, result](Completion& answer) {
        const auto known = known_part(result);
        if (!known) return false;
        using Outcome = platform::CheckReport::Outcome;
        Outcome outcome = Outcome::errored;
        if (known->outcome == SYSP_CHECK_PASS || known->outcome == SYSP_CHECK_WARN) {
            outcome = Outcome::passed;
        } else if (known->outcome == SYSP_CHECK_FAIL) {
            outcome = Outcome::failed;
        }
        std::vector<model::Metric> metrics = sound_metrics(metrics_of(*known));
        HostCore& core = *instance_of(host)->core;
        if (metrics.size() < known->metric_count) core.count_rejected();
        answer.payload = platform::CheckReport{
            outcome, core.shown(*instance_of(host), known->message), {}, std::move(metrics)};
        return true;
    });
}

// The handle is the plugin's and is valid during the call only.
std::shared_ptr<const platform::OwnedHandle> group_of(const sysp_spawn_result& result) {
    for (std::size_t i = 0; i < (result.keep == nullptr ? 0 : result.keep_count); ++i) {
        if (result.keep[i].kind != SYSP_KEEP_JOB) continue;
        auto copy = platform::duplicate_handle(result.keep[i].handle);
        if (copy) return std::make_shared<const platform::OwnedHandle>(std::move(*copy));
    }
    return nullptr;
}

sysp_status SYSP_CALL spawn_done(const sysp_host* host, sysp_op op, const sysp_spawn_result* result,
                                 const sysp_error* error) noexcept {
    return finish(host, op, OpType::spawn, error, [result](Completion& answer) {
        const auto known = known_part(result);
        if (!known) return false;
        // One byte above the limit is enough to have the token refused.
        constexpr std::size_t token_copy_limit = 4097;
        platform::SpawnedProcess process{known->pid, {}, (known->flags & SYSP_SPAWNF_FROZEN) != 0};
        process.group = group_of(*known);
        if (known->token.ptr != nullptr) {
            process.token.assign(known->token.ptr, std::min(known->token.len, token_copy_limit));
        }
        answer.payload = std::move(process);
        return true;
    });
}

sysp_status SYSP_CALL stats_done(const sysp_host* host, sysp_op op, const sysp_stats* stats,
                                 const sysp_error* error) noexcept {
    return finish(host, op, OpType::stats, error, [stats](Completion& answer) {
        const auto known = known_part(stats);
        if (!known) return false;
        answer.payload = stats_of(*known);
        return true;
    });
}

sysp_status SYSP_CALL proc_exited(const sysp_host* host, sysp_proc proc,
                                  const sysp_exit* exit) noexcept {
    Instance* const instance = instance_of(host);
    const auto known = known_part(exit);
    if (instance == nullptr || !known) return SYSP_E_INVALID;
    ExitStatus status = ExitStatus::unknown();
    if (known->kind == SYSP_EXIT_CODE) status = ExitStatus::exited(known->value);
    if (known->kind == SYSP_EXIT_SIGNAL) status = ExitStatus::signalled(known->value);
    status.oom_killed = (known->flags & SYSP_EXITF_OOM) != 0;
    status.memory_peak_bytes = known->memory_peak_bytes;
    return instance->core->process_exited(*instance, proc, status);
}

// SYSP_IO_OBJECT distinguishes handles of Windows, and later bits mean nothing to this host.
std::uint32_t known_interest(std::uint32_t interest) {
    return interest & (SYSP_IO_READ | SYSP_IO_WRITE);
}

// The host's loop is only reachable from its own thread and while the instance lives.
Instance* io_caller(const sysp_host* host) {
    Instance* const instance = instance_of(host);
    if (instance == nullptr || !instance->open || !instance->core->on_loop_thread()) return nullptr;
    return instance;
}

sysp_status SYSP_CALL io_watch(const sysp_host* host, sysp_handle handle, std::uint32_t interest,
                               void (*ready)(void*, std::uint32_t), void* data,
                               std::uint64_t* id) noexcept {
    Instance* const instance = io_caller(host);
    if (instance == nullptr || ready == nullptr || id == nullptr) return SYSP_E_INVALID;
    auto watched = instance->core->loop().watch(
        handle, known_interest(interest), [instance, ready, data](std::uint32_t bits) {
            static_cast<void>(instance->core->call(*instance, "a ready callback", [&] {
                ready(data, bits);
                return sysp_status{SYSP_OK};
            }));
        });
    if (!watched) {
        const std::string& why = watched.error().message;
        instance->core->log(*instance, SYSP_LOG_WARN, why.data(), why.size());
        return SYSP_E_OS;
    }
    *id = *watched;
    instance->watches.insert(*watched);
    return SYSP_OK;
}

sysp_status SYSP_CALL io_rewatch(const sysp_host* host, std::uint64_t id,
                                 std::uint32_t interest) noexcept {
    Instance* const instance = io_caller(host);
    if (instance == nullptr) return SYSP_E_INVALID;
    if (!instance->watches.contains(id)) return SYSP_E_NOT_FOUND;
    instance->core->loop().rewatch(id, known_interest(interest));
    return SYSP_OK;
}

void SYSP_CALL io_unwatch(const sysp_host* host, std::uint64_t id) noexcept {
    Instance* const instance = io_caller(host);
    if (instance == nullptr || !instance->watches.erase(id)) return;
    instance->core->loop().unwatch(id);
}

sysp_status SYSP_CALL io_start_timer(const sysp_host* host, std::uint64_t delay_ns,
                                     void (*due)(void*), void* data, std::uint64_t* id) noexcept {
    Instance* const instance = io_caller(host);
    if (instance == nullptr || due == nullptr || id == nullptr) return SYSP_E_INVALID;
    // Longer than a century is never; the cap keeps the sum in range.
    constexpr std::uint64_t longest_ns = 100ULL * 365 * 86400 * 1'000'000'000;
    const Duration delay{static_cast<std::int64_t>(std::min(delay_ns, longest_ns))};
    const auto cell = std::make_shared<platform::TimerId>(0);  // The timer's own id, known below.
    *cell = instance->core->loop().start_timer(
        instance->core->clock().now().mono + delay, [instance, due, data, cell] {
            instance->timers.erase(*cell);
            static_cast<void>(instance->core->call(*instance, "a timer callback", [&] {
                due(data);
                return sysp_status{SYSP_OK};
            }));
        });
    instance->timers.insert(*cell);
    *id = *cell;
    return SYSP_OK;
}

void SYSP_CALL io_cancel_timer(const sysp_host* host, std::uint64_t id) noexcept {
    Instance* const instance = io_caller(host);
    if (instance == nullptr || !instance->timers.erase(id)) return;
    instance->core->loop().cancel_timer(id);
}

std::uint64_t SYSP_CALL io_now_ns(const sysp_host* host) noexcept {
    Instance* const instance = instance_of(host);
    if (instance == nullptr) return 0;
    const std::optional<Instant> now = instance->core->now();
    return now ? static_cast<std::uint64_t>(now->time_since_epoch().count()) : 0;
}

}  // namespace

const sysp_io* io_extension() {
    static const sysp_io table{sizeof(sysp_io), 0,          io_watch,
                               io_rewatch,      io_unwatch, io_start_timer,
                               io_cancel_timer, io_now_ns};
    return &table;
}

void provide_host_functions(sysp_host& host) {
    host.size = sizeof host;
    host.abi_major = SYSP_ABI_MAJOR;
    host.abi_minor = SYSP_ABI_MINOR;
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
    provide_config_access(host);
}

}  // namespace syspulse::plugin_host
