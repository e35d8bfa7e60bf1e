// Work that may block, for plugins that otherwise live on the host's loop: resolving a name, asking
// a library.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "error.hpp"

namespace syspulse::sdk {

// Runs `work` on a worker and then `done` on [main]. Dropping it, or its owner, makes sure that
// `done` is not called any more; `work` still ends by itself, so it must own what it uses.
// Everything but `work` is [main].
class Offload {
  public:
    Offload() = default;

    // `done` gets what `work` threw, or null. Throws SYSP_E_BUSY when all workers are busy.
    static Offload start(const sysp_host* host, std::function<void()> work,
                         std::function<void(const Error* failure)> done) {
        Offload made;
        made.job_ = std::make_shared<Job>(Job{host, std::move(work), std::move(done), {}});
        std::unique_ptr<std::shared_ptr<Job>> ticket{new std::shared_ptr<Job>{made.job_}};
        const auto status = host->run(host, &Offload::on_worker, ticket.get());
        if (status != SYSP_OK) throw Error{status, "all workers are busy"};
        (void)ticket.release();
        return made;
    }

    Offload(Offload&&) noexcept = default;
    Offload& operator=(Offload&& other) noexcept {
        if (this != &other) {
            reset();
            job_ = std::move(other.job_);
        }
        return *this;
    }
    ~Offload() { reset(); }

    void reset() noexcept {
        if (job_) job_->done = nullptr;
        job_.reset();
    }
    explicit operator bool() const noexcept { return job_ != nullptr; }

  private:
    struct Job {
        const sysp_host* host;
        std::function<void()> work;
        std::function<void(const Error*)> done;  // [main] only.
        std::optional<Error> failure;
    };

    static void SYSP_CALL on_worker(void* raw) {
        auto* ticket = static_cast<std::shared_ptr<Job>*>(raw);
        Job& job = **ticket;
        detail::report_thrown([&job] { job.work(); },
                              [&job](Error error) { job.failure.emplace(std::move(error)); });
        // After destroy nobody waits: `done` was dropped with its owner.
        if (job.host->post(job.host, &Offload::on_main, raw) != SYSP_OK) delete ticket;
    }
    static void SYSP_CALL on_main(void* raw) {
        const std::unique_ptr<std::shared_ptr<Job>> ticket{static_cast<std::shared_ptr<Job>*>(raw)};
        Job& job = **ticket;
        const auto done = std::exchange(job.done, nullptr);
        if (!done) return;
        detail::report_thrown([&] { done(job.failure ? &*job.failure : nullptr); },
                              [&job](const Error& error) { detail::log_error(job.host, error); });
    }

    std::shared_ptr<Job> job_;
};

}  // namespace syspulse::sdk
