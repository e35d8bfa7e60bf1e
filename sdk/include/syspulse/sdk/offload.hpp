// Work that may block, for plugins that otherwise live on the host's loop: resolving a name, asking
// a library.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "error.hpp"

namespace syspulse::sdk {

// Runs `work` on a worker and then `done` on [main]. Dropping it, or its owner, makes sure that
// `done` is not called any more, and that `work` does not begin any more. When it has begun it
// still ends by itself, so it must own what it uses. Everything but `work` is [main].
class Offload {
  public:
    Offload() = default;

    // `done` gets what `work` threw, or null. Throws SYSP_E_BUSY when all workers are busy.
    static Offload start(const sysp_host* host, std::function<void()> work,
                         std::function<void(const Error* failure)> done) {
        Offload made;
        made.job_ = std::make_shared<Job>(host, std::move(work), std::move(done));
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
        if (job_) {
            job_->done = nullptr;
            auto waits = Stage::queued;
            job_->stage.compare_exchange_strong(waits, Stage::dropped);
        }
        job_.reset();
    }
    // False while it waits for a worker: a deadline that passes then says nothing about the work.
    bool begun() const noexcept { return job_ != nullptr && job_->stage == Stage::begun; }
    explicit operator bool() const noexcept { return job_ != nullptr; }

  private:
    enum class Stage { queued, begun, dropped };
    struct Job {
        Job(const sysp_host* its_host, std::function<void()> its_work,
            std::function<void(const Error*)> its_done)
            : host(its_host), work(std::move(its_work)), done(std::move(its_done)) {}

        const sysp_host* host;
        std::function<void()> work;
        std::function<void(const Error*)> done;  // [main] only.
        std::optional<Error> failure;
        std::atomic<Stage> stage{Stage::queued};
    };

    static void SYSP_CALL on_worker(void* raw) {
        auto* ticket = static_cast<std::shared_ptr<Job>*>(raw);
        Job& job = **ticket;
        auto waits = Stage::queued;
        if (job.stage.compare_exchange_strong(waits, Stage::begun)) {
            detail::report_thrown([&job] { job.work(); },
                                  [&job](Error error) { job.failure.emplace(std::move(error)); });
        }
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
