// Drivers: spawn, recover, signal and observe processes. All functions of a driver are [main].
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "config.hpp"
#include "io.hpp"
#include "module.hpp"

namespace syspulse::sdk {

struct SpawnRequest {
    sysp_proc proc;
    std::string run_id, unit, cwd, user;
    std::vector<std::string> argv, env;
    const sysp_handle* stdio;  // Three handles, -1 means the null device; borrowed for the call.
    sysp_limits limits{};      // Only what the kind declares as enforced.
    Config config;             // Borrowed for the call, also by who keeps the request.
    std::int32_t* pid_slot;  // Null, or where the child leaves its pid; borrowed until spawn_done.

    SpawnRequest(const sysp_host* host, const sysp_spawn_request& raw)
        : proc(raw.proc),
          run_id(text_of(raw.run_id)),
          unit(text_of(raw.unit)),
          cwd(text_of(raw.cwd)),
          user(text_of(raw.user)),
          stdio(raw.stdio),
          config(host, raw.config),
          pid_slot(raw.pid_slot) {
        if (raw.limits != nullptr) limits = *raw.limits;
        argv.reserve(raw.argc);
        env.reserve(raw.envc + 1);
        for (std::size_t i = 0; i < raw.argc; ++i) argv.emplace_back(text_of(raw.argv[i]));
        for (std::size_t i = 0; i < raw.envc; ++i) env.emplace_back(text_of(raw.env[i]));
    }
};

// For exec: ends with a null pointer; valid as long as the texts.
inline std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

struct RecoverRequest {
    sysp_proc proc;
    std::string run_id;
    std::string token;  // Empty if the manager died before it learned the token.
    Config config;
};

// clang-format off
// Base of drivers. T(const Config&) with
//   Spawned spawn(const SpawnRequest&);                    or void spawn(SpawnRequest, StartAnswer&&)
//   Spawned recover(const RecoverRequest&);
//   void signal(sysp_proc, int32_t sig, int32_t os_sig);   succeeds for an exited process
//   bool inspect(sysp_proc);                               whether the process is known
//   void release(sysp_proc);                               idempotent, never kills
//   static constexpr const char *name, *summary;
//   static constexpr uint32_t enforces;                    SYSP_LIMIT_*
//   static Schema schema();  static Schema process_schema();
// and, if it can,
//   sysp_stats stats(sysp_proc);
//   void freeze(sysp_proc, Answer&&);  void thaw(sysp_proc, Answer&&);   syspulse.freeze/1
//   void try_spawn(const Config&, const sysp_limits&);                   syspulse.try/1
//   void cancel(sysp_op);                                  of what is answered later
// Each refuses by throwing Error. recover throws SYSP_E_NOT_FOUND only when it is sure: the daemon
// is started again then.
// clang-format on
// The destructor never kills processes.
class Driver {
  public:
    explicit Driver(const Config& config)
        : host_(config.host()), exits_(std::make_shared<ExitSink>(config.host())) {}
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    const sysp_host* host() const { return host_; }
    const std::shared_ptr<ExitSink>& exits() const { return exits_; }
    void log(std::int32_t level, std::string_view text) const {
        host_->log(host_, level, text.data(), text.size());
    }

  protected:
    ~Driver() = default;

  private:
    const sysp_host* host_;
    std::shared_ptr<ExitSink> exits_;
};

namespace detail {

template <class T, class = void>
struct HasStats : std::false_type {};
template <class T>
struct HasStats<T, std::void_t<decltype(std::declval<T&>().stats(sysp_proc{}))>> : std::true_type {
};

template <class T, class = void>
struct HasFreeze : std::false_type {};
template <class T>
struct HasFreeze<
    T, std::void_t<decltype(std::declval<T&>().freeze(sysp_proc{}, std::declval<Answer&&>()))>>
    : std::true_type {};

template <class T, class = void>
struct HasTry : std::false_type {};
template <class T>
struct HasTry<T, std::void_t<decltype(std::declval<T&>().try_spawn(
                     std::declval<const Config&>(), std::declval<const sysp_limits&>()))>>
    : std::true_type {};

template <class T, class = void>
struct StartsLater : std::false_type {};
template <class T>
struct StartsLater<T, std::void_t<decltype(std::declval<T&>().spawn(
                          std::declval<const SpawnRequest&>(), std::declval<StartAnswer&&>()))>>
    : std::true_type {};

template <class T, class = void>
struct HasCancel : std::false_type {};
template <class T>
struct HasCancel<T, std::void_t<decltype(std::declval<T&>().cancel(sysp_op{}))>> : std::true_type {
};

template <class T>
struct DriverSlots {
    static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config,
                                        void** self) {
        return guard(host, [&] { *self = new T(Config{host, config}); });
    }
    static void SYSP_CALL destroy(void* self) {
        const sysp_host* const host = static_cast<T*>(self)->host();
        guard_quiet(host, [&] { delete static_cast<T*>(self); });
    }
    static sysp_status SYSP_CALL spawn(void* self, sysp_op op, const sysp_spawn_request* request) {
        return start(self, op, request->proc, [&](T& driver, StartAnswer& answer) {
            if constexpr (StartsLater<T>::value) {
                driver.spawn(SpawnRequest{driver.host(), *request}, std::move(answer));
            } else {
                answer.started(driver.spawn(SpawnRequest{driver.host(), *request}));
            }
        });
    }
    static sysp_status SYSP_CALL recover(void* self, sysp_op op,
                                         const sysp_recover_request* request) {
        return start(self, op, request->proc, [&](T& driver, StartAnswer& answer) {
            answer.started(driver.recover(RecoverRequest{
                request->proc, std::string(text_of(request->run_id)),
                std::string(text_of(request->token)), Config{driver.host(), request->config}}));
        });
    }
    static sysp_status SYSP_CALL signal(void* self, sysp_op op, sysp_proc proc, std::int32_t sig,
                                        std::int32_t os_sig) {
        return answer(self, op, [&](T& driver) { driver.signal(proc, sig, os_sig); });
    }
    static sysp_status SYSP_CALL inspect(void* self, sysp_op op, sysp_proc proc) {
        return answer(self, op, [&](T& driver) {
            if (!driver.inspect(proc)) throw Error{SYSP_E_NOT_FOUND, "unknown process"};
            driver.exits()->resend(proc);
        });
    }
    static sysp_status SYSP_CALL stats(void* self, sysp_op op, sysp_proc proc) {
        auto& driver = *static_cast<T*>(self);
        sysp_stats result{};
        const auto status = guard(driver.host(), [&] {
            if constexpr (HasStats<T>::value) {
                result = driver.stats(proc);
            } else {
                throw Error{SYSP_E_UNSUPPORTED, "this driver has no statistics"};
            }
        });
        result.size = sizeof result;
        if (status == SYSP_OK) driver.host()->stats_done(driver.host(), op, &result, nullptr);
        return status;
    }
    static sysp_status SYSP_CALL freeze(void* self, sysp_op op, sysp_proc proc) {
        return answer_later(
            self, op, [&](T& driver, Answer&& answer) { driver.freeze(proc, std::move(answer)); });
    }
    static sysp_status SYSP_CALL thaw(void* self, sysp_op op, sysp_proc proc) {
        return answer_later(
            self, op, [&](T& driver, Answer&& answer) { driver.thaw(proc, std::move(answer)); });
    }
    static sysp_status SYSP_CALL try_spawn(void* self, const sysp_config* config,
                                           const sysp_limits* limits) {
        auto& driver = *static_cast<T*>(self);
        return guard(driver.host(), [&] {
            driver.try_spawn(Config{driver.host(), config}, *limits);
        });
    }
    static const void* SYSP_CALL get_extension(void*, const char* id) {
        if constexpr (HasTry<T>::value) {
            static const sysp_try table{sizeof(sysp_try), 0, try_spawn};
            if (id != nullptr && std::string_view{id} == SYSP_EXT_TRY) return &table;
        }
        if constexpr (HasFreeze<T>::value) {
            static const sysp_freeze table{sizeof(sysp_freeze), 0, freeze, thaw};
            if (id != nullptr && std::string_view{id} == SYSP_EXT_FREEZE) return &table;
        }
        return nullptr;
    }
    static void SYSP_CALL cancel(void* self, sysp_op op) {
        auto& driver = *static_cast<T*>(self);
        if constexpr (HasCancel<T>::value) guard_quiet(driver.host(), [&] { driver.cancel(op); });
    }
    static void SYSP_CALL release(void* self, sysp_proc proc) {
        auto& driver = *static_cast<T*>(self);
        guard_quiet(driver.host(), [&] { driver.release(proc); });
        guard_quiet(driver.host(), [&] { driver.exits()->forget(proc); });
    }

  private:
    template <class Function>
    static sysp_status start(void* self, sysp_op op, sysp_proc proc, Function&& function) {
        auto& driver = *static_cast<T*>(self);
        sysp_status status = SYSP_E_INTERNAL;
        guard_quiet(driver.host(), [&] {
            StartAnswer answer{driver.host(), op, proc, driver.exits()};
            status = guard(driver.host(), [&] { function(driver, answer); });
            if (status != SYSP_OK) status = refused(answer, status);
        });
        return status;
    }
    template <class Function>
    static sysp_status answer(void* self, sysp_op op, Function&& function) {
        auto& driver = *static_cast<T*>(self);
        const auto status = guard(driver.host(), [&] { function(driver); });
        if (status == SYSP_OK) driver.host()->op_done(driver.host(), op, nullptr);
        return status;
    }
    template <class Function>
    static sysp_status answer_later(void* self, sysp_op op, Function&& function) {
        auto& driver = *static_cast<T*>(self);
        Answer answer{driver.host(), op};
        const auto status = guard(driver.host(), [&] { function(driver, std::move(answer)); });
        return status == SYSP_OK ? status : refused(answer, status);
    }
    // A refusal is told by the status, and nothing of the answer may follow it. Who has taken the
    // answer before he threw has told, or will tell, how it went by that.
    template <class Owed>
    static sysp_status refused(Owed& answer, sysp_status status) {
        if (answer.op() == 0) return SYSP_OK;
        answer.drop();
        return status;
    }
};

}  // namespace detail

template <class T>
std::unique_ptr<detail::Kind> driver() {
    using Slots = detail::DriverSlots<T>;
    static const sysp_driver_vtbl vtbl{sizeof(sysp_driver_vtbl),
                                       0,
                                       Slots::create,
                                       Slots::destroy,
                                       Slots::spawn,
                                       Slots::recover,
                                       Slots::signal,
                                       Slots::inspect,
                                       detail::HasStats<T>::value ? &Slots::stats : nullptr,
                                       Slots::release,
                                       detail::HasCancel<T>::value ? &Slots::cancel : nullptr,
                                       Slots::get_extension};
    auto kind = detail::make_kind<T>(SYSP_KIND_DRIVER, &vtbl);
    kind->process_schema = T::process_schema().json();
    kind->raw.enforces = T::enforces;
    return kind;
}

}  // namespace syspulse::sdk
