// What a driver tells the host: the start of a process, its end, and how an operation went.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "error.hpp"

namespace syspulse::sdk {

struct Spawned {
    std::int64_t pid = -1;
    std::string token;  // What recover() needs to find and verify the process again; <= 4096 bytes.
    std::vector<sysp_keep> keep;  // Borrowed by the host, which dups.
    bool frozen = false;          // recover() only: the process is held still by a freeze.
};

// Sends exits to the host in the order the ABI asks for: never before spawn_done, again on every
// inspect. Safe to hold on any thread for ever, also after the driver is destroyed. [any]
class ExitSink {
  public:
    explicit ExitSink(const sysp_host* host) : host_(host) {}

    void exited(sysp_proc proc, std::int32_t kind, std::int32_t value, std::uint32_t flags = 0,
                std::uint64_t memory_peak_bytes = 0) {
        {
            const std::lock_guard lock{mutex_};
            seen_[proc] = sysp_exit{sizeof(sysp_exit), kind, value, flags, memory_peak_bytes};
        }
        resend(proc);
    }
    void resend(sysp_proc proc) {
        sysp_exit exit{};
        {
            const std::lock_guard lock{mutex_};
            const auto found = seen_.find(proc);
            if (found == seen_.end() || starting_.count(proc) != 0) return;
            exit = found->second;
        }
        host_->proc_exited(host_, proc, &exit);
    }
    // From here to started() an exit is parked.
    void starting(sysp_proc proc) {
        const std::lock_guard lock{mutex_};
        starting_.insert(proc);
    }
    void started(sysp_proc proc) {
        {
            const std::lock_guard lock{mutex_};
            starting_.erase(proc);
        }
        resend(proc);
    }
    void forget(sysp_proc proc) {
        const std::lock_guard lock{mutex_};
        starting_.erase(proc);
        seen_.erase(proc);
    }

  private:
    const sysp_host* host_;
    std::mutex mutex_;
    std::set<sysp_proc> starting_;
    std::map<sysp_proc, sysp_exit> seen_;
};

// The answer that a plain operation owes, for drivers that learn later how it went. Exactly one of
// done() and failed() counts; an Answer that goes away without either fails the operation. [main]
class Answer {
  public:
    Answer(const sysp_host* host, sysp_op op) : host_(host), op_(op) {}
    Answer(Answer&& other) noexcept : host_(other.host_), op_(std::exchange(other.op_, 0)) {}
    Answer& operator=(Answer&& other) noexcept {
        if (this != &other) {
            op_ = std::exchange(other.op_, 0);
            host_ = other.host_;
        }
        return *this;
    }
    ~Answer() { failed({SYSP_E_CANCELLED, "the driver gave the operation up"}); }

    void done() { finish(nullptr); }
    void failed(const Error& error) {
        const sysp_error raw = error.to_c();
        finish(&raw);
    }
    // What cancel() will be called with; zero once it was answered or moved away.
    sysp_op op() const noexcept { return op_; }
    // The operation is refused by the return value of the slot instead.
    void drop() noexcept { op_ = 0; }

  private:
    void finish(const sysp_error* error) {
        if (const sysp_op op = std::exchange(op_, 0); op != 0) host_->op_done(host_, op, error);
    }

    const sysp_host* host_;
    sysp_op op_;
};

// The answer that a start owes, for drivers that learn later how it went. Exactly one of started()
// and failed() counts; a StartAnswer that goes away without either fails the start. [main]
class StartAnswer {
  public:
    StartAnswer(const sysp_host* host, sysp_op op, sysp_proc proc, std::shared_ptr<ExitSink> exits)
        : host_(host), op_(op), proc_(proc), exits_(std::move(exits)) {
        exits_->starting(proc);
    }
    StartAnswer(StartAnswer&& other) noexcept
        : host_(other.host_),
          op_(std::exchange(other.op_, 0)),
          proc_(other.proc_),
          exits_(std::move(other.exits_)) {}
    StartAnswer& operator=(StartAnswer&&) = delete;
    ~StartAnswer() { failed({SYSP_E_CANCELLED, "the driver gave the start up"}); }

    // What cancel() will be called with; zero once it was answered or moved away.
    sysp_op op() const noexcept { return op_; }

    void started(const Spawned& spawned) {
        sysp_spawn_result raw{};
        raw.size = sizeof raw;
        raw.flags = spawned.frozen ? std::uint32_t{SYSP_SPAWNF_FROZEN} : 0;
        raw.pid = spawned.pid;
        raw.token = view(spawned.token);
        raw.keep = spawned.keep.data();
        raw.keep_count = spawned.keep.size();
        const sysp_op op = std::exchange(op_, 0);
        if (op == 0) return;
        host_->spawn_done(host_, op, &raw, nullptr);
        exits_->started(proc_);
    }
    void failed(const Error& error) {
        const sysp_op op = std::exchange(op_, 0);
        if (op == 0) return;
        exits_->forget(proc_);
        const sysp_error raw = error.to_c();
        host_->spawn_done(host_, op, nullptr, &raw);
    }
    // The start is refused by the return value of the slot instead.
    void drop() noexcept {
        if (std::exchange(op_, 0) != 0) exits_->forget(proc_);
    }

  private:
    const sysp_host* host_;
    sysp_op op_;
    sysp_proc proc_;
    std::shared_ptr<ExitSink> exits_;
};

}  // namespace syspulse::sdk
