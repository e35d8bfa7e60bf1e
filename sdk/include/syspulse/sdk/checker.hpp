// Checkers: blocking ones run on the host's worker pool, asynchronous ones on the host's loop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config.hpp"
#include "io.hpp"
#include "module.hpp"

namespace syspulse::sdk {

// The verdict. To say "I could not check", throw or complete with an Error instead.
struct Result {
    std::int32_t outcome = SYSP_CHECK_UNKNOWN;
    std::string message;  // One line, for people.
    std::vector<std::pair<std::string, double>> metrics;

    static Result pass(std::string message = {}) {
        return {SYSP_CHECK_PASS, std::move(message), {}};
    }
    static Result warn(std::string message) { return {SYSP_CHECK_WARN, std::move(message), {}}; }
    static Result fail(std::string message) { return {SYSP_CHECK_FAIL, std::move(message), {}}; }
};

// An owned copy of the request: it may outlive the call.
struct CheckRequest {
    sysp_proc proc = 0;
    std::int64_t pid = -1;  // -1: there is no process.
    std::string unit;
    std::string target;
    std::chrono::milliseconds timeout{0};

    CheckRequest() = default;
    explicit CheckRequest(const sysp_check_request& raw)
        : proc(raw.proc),
          pid(raw.pid),
          unit(text_of(raw.unit)),
          target(text_of(raw.target)),
          timeout(raw.timeout_ms) {}
};

// "timed out after 5 s": what every checker says at its deadline.
inline Result timed_out(std::chrono::milliseconds timeout) {
    const auto ms = timeout.count();
    return Result::fail("timed out after " + (ms % 1000 == 0 ? std::to_string(ms / 1000) + " s"
                                                             : std::to_string(ms) + " ms"));
}

// The duty to answer one accepted check exactly once. Move-only; dropping it unanswered reports an
// internal error, so that a forgotten path shows up as a failed check and not as a hang. [any]
class Completion {
  public:
    Completion() = default;
    Completion(const sysp_host* host, sysp_op op) : host_(host), op_(op) {}
    Completion(Completion&& other) noexcept
        : host_(std::exchange(other.host_, nullptr)), op_(other.op_) {}
    Completion& operator=(Completion&& other) noexcept {
        if (this != &other) {
            drop();
            host_ = std::exchange(other.host_, nullptr);
            op_ = other.op_;
        }
        return *this;
    }
    ~Completion() { drop(); }

    explicit operator bool() const noexcept { return host_ != nullptr; }
    // Forgets the duty: only for an op that is about to be rejected.
    void release() noexcept { host_ = nullptr; }

    void done(const Result& result) {
        if (host_ == nullptr) return;
        // Before the duty is given up: when memory runs out here, fail() still answers.
        std::vector<sysp_metric> metrics;
        for (const auto& [name, value] : result.metrics) metrics.push_back({view(name), value});
        sysp_check_result raw{};
        raw.size = sizeof raw;
        raw.outcome = result.outcome;
        raw.message = view(result.message);
        raw.metrics = metrics.data();
        raw.metric_count = metrics.size();
        const sysp_host* host = std::exchange(host_, nullptr);
        host->check_done(host, op_, &raw, nullptr);
    }
    void fail(const Error& error) noexcept {
        const sysp_host* host = std::exchange(host_, nullptr);
        if (host == nullptr) return;
        const sysp_error raw = error.to_c();
        host->check_done(host, op_, nullptr, &raw);
    }

  private:
    void drop() noexcept {
        const sysp_host* host = std::exchange(host_, nullptr);
        if (host == nullptr) return;
        sysp_error raw{};
        raw.size = sizeof raw;
        raw.code = SYSP_E_INTERNAL;
        raw.message = view("the checker dropped the check without an answer");
        host->check_done(host, op_, nullptr, &raw);
    }

    const sysp_host* host_ = nullptr;
    sysp_op op_ = 0;
};

// What a blocking check sees while it runs. [worker]
class Check : public CheckRequest {
  public:
    Check(const sysp_check_request& raw, std::shared_ptr<const std::atomic<bool>> stop)
        : CheckRequest(raw), end_(Clock::now() + timeout), stop_(std::move(stop)) {}

    bool cancelled() const { return stop_->load(); }
    // Itself, or the reason why it is of no use any more once a worker comes to it.
    const Check& begun() const {
        if (cancelled()) throw Error::cancelled();
        if (left().count() == 0) throw Error{SYSP_E_BUSY, "all workers are busy"};
        return *this;
    }
    std::chrono::milliseconds left() const {
        const auto rest =
            std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now());
        return rest.count() > 0 ? rest : std::chrono::milliseconds{0};
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point end_;
    std::shared_ptr<const std::atomic<bool>> stop_;
};

namespace detail {

template <class T>
struct BlockingChecker {
    struct Instance {
        const sysp_host* host;
        std::shared_ptr<const T> object;  // Shared with the worker: destroy() does not wait for it.
        std::shared_ptr<std::atomic<bool>> stop;
    };
    struct Job {
        const sysp_host* host;
        Completion completion;
        std::shared_ptr<const T> object;
        Check check;
    };

    static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config,
                                        void** self) {
        return guard(host, [&] {
            *self = new Instance{host, std::make_shared<const T>(Config{host, config}), {}};
        });
    }
    static void SYSP_CALL destroy(void* self) {
        cancel(self, 0);
        const sysp_host* const host = static_cast<Instance*>(self)->host;
        guard_quiet(host, [&] { delete static_cast<Instance*>(self); });
    }
    static sysp_status SYSP_CALL start(void* self, sysp_op op, const sysp_check_request* request) {
        auto* instance = static_cast<Instance*>(self);
        return guard(instance->host, [&] {
            instance->stop = std::make_shared<std::atomic<bool>>(false);
            std::unique_ptr<Job> job{
                new Job{instance->host, {}, instance->object, Check{*request, instance->stop}}};
            job->completion = Completion{instance->host, op};
            const auto status =
                instance->host->run(instance->host, &BlockingChecker::work, job.get());
            if (status != SYSP_OK) {
                job->completion.release();
                throw Error{status, "the worker pool refused the check"};
            }
            job.release();
        });
    }
    static void SYSP_CALL work(void* raw) {
        auto* job = static_cast<Job*>(raw);
        const sysp_host* const host = job->host;
        report_thrown([job] { job->completion.done(job->object->check(job->check.begun())); },
                      [job](const Error& error) { job->completion.fail(error); });
        guard_quiet(host, [job] { delete job; });
    }
    static void SYSP_CALL cancel(void* self, sysp_op) {
        if (const auto& stop = static_cast<Instance*>(self)->stop) *stop = true;
    }
};

}  // namespace detail

// T: explicit T(const Config&); Result check(const Check&) const [worker, may block];
//    static constexpr const char *name, *summary; static Schema schema().
template <class T>
std::unique_ptr<detail::Kind> checker() {
    using Slots = detail::BlockingChecker<T>;
    static const sysp_checker_vtbl vtbl{sizeof(sysp_checker_vtbl),
                                        0,
                                        Slots::create,
                                        Slots::destroy,
                                        Slots::start,
                                        Slots::cancel,
                                        nullptr};
    return detail::make_kind<T>(SYSP_KIND_CHECKER, &vtbl);
}

// Base of asynchronous checkers. All functions are [main]; at most one check is outstanding.
class AsyncChecker {
  public:
    explicit AsyncChecker(const Config& config) : host_(config.host()), io_(config.host()) {}
    virtual ~AsyncChecker() = default;
    AsyncChecker(const AsyncChecker&) = delete;
    AsyncChecker& operator=(const AsyncChecker&) = delete;

    // Returns at once. Move the completion out to answer later; throwing answers with that error.
    virtual void start(Completion& completion, const CheckRequest& request) = 0;
    // Completes an outstanding check with Error::cancelled() and releases what it holds; also
    // called after start() threw, when there may be no check.
    virtual void cancel() = 0;

  protected:
    const sysp_host* host() const { return host_; }
    const Io& io() const { return io_; }

  private:
    const sysp_host* host_;
    Io io_;
};

namespace detail {

template <class T>
struct AsyncCheckerSlots {
    static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config,
                                        void** self) {
        return guard(host, [&] {
            AsyncChecker* object = new T(Config{host, config});
            *self = new Instance{host, std::unique_ptr<AsyncChecker>(object)};
        });
    }
    static void SYSP_CALL destroy(void* self) {
        cancel(self, 0);
        const sysp_host* const host = static_cast<Instance*>(self)->host;
        guard_quiet(host, [&] { delete static_cast<Instance*>(self); });
    }
    static sysp_status SYSP_CALL start(void* self, sysp_op op, const sysp_check_request* request) {
        auto* instance = static_cast<Instance*>(self);
        Completion completion{instance->host, op};
        report_thrown([&] { instance->object->start(completion, CheckRequest{*request}); },
                      [&](const Error& error) { fail(*instance, op, completion, error); });
        return SYSP_OK;
    }
    static void SYSP_CALL cancel(void* self, sysp_op) {
        auto* instance = static_cast<Instance*>(self);
        guard_quiet(instance->host, [&] { instance->object->cancel(); });
    }

  private:
    struct Instance {
        const sysp_host* host;
        std::unique_ptr<AsyncChecker> object;
    };

    // A checker that threw has half begun, whether it took the completion or not: cancelling it
    // releases what it holds, and the first answer stands.
    static void fail(Instance& instance, sysp_op op, Completion& completion, const Error& error) {
        if (completion) {
            completion.fail(error);
        } else {
            const sysp_error raw = error.to_c();
            instance.host->check_done(instance.host, op, nullptr, &raw);
        }
        cancel(&instance, op);
    }
};

}  // namespace detail

// T: AsyncChecker with T(const Config&), name, summary and schema() as for checker<T>().
template <class T>
std::unique_ptr<detail::Kind> async_checker() {
    using Slots = detail::AsyncCheckerSlots<T>;
    static const sysp_checker_vtbl vtbl{sizeof(sysp_checker_vtbl),
                                        0,
                                        Slots::create,
                                        Slots::destroy,
                                        Slots::start,
                                        Slots::cancel,
                                        nullptr};
    return detail::make_kind<T>(SYSP_KIND_CHECKER, &vtbl);
}

}  // namespace syspulse::sdk
