// The host's loop (extension syspulse.io/1) as RAII watches and timers. Everything here is [main]
// only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "error.hpp"

namespace syspulse::sdk {

// The shared half of Watch and Timer. The callback may destroy its own Watch or Timer.
namespace detail {

template <class... Args>
struct LoopEntry : std::enable_shared_from_this<LoopEntry<Args...>> {
    const sysp_host* host = nullptr;
    const sysp_io* io = nullptr;
    std::uint64_t id = 0;
    std::function<void(Args...)> callback;

    static void SYSP_CALL call(void* self, Args... args) {
        // Keeps the callback alive while it runs, even if it drops its owner.
        const auto entry = static_cast<LoopEntry*>(self)->shared_from_this();
        const bool good = report_thrown([&] { entry->callback(args...); },
                                        [&](const Error& error) { log_error(entry->host, error); });
        // Level-triggered: a watch whose callback fails would call it for ever.
        if constexpr (sizeof...(Args) > 0) {
            if (!good) entry->io->unwatch(entry->host, entry->id);
        }
    }
};

}  // namespace detail

// Stops watching when it goes out of scope. The handle must outlive it.
class Watch {
  public:
    Watch() = default;
    Watch(Watch&&) noexcept = default;
    Watch& operator=(Watch&& other) noexcept {
        if (this != &other) {
            reset();
            entry_ = std::move(other.entry_);
        }
        return *this;
    }
    ~Watch() { reset(); }

    void reset() noexcept {
        if (const auto entry = std::move(entry_)) entry->io->unwatch(entry->host, entry->id);
        entry_ = nullptr;
    }
    void rewatch(std::uint32_t interest) {
        const auto status = entry_->io->rewatch(entry_->host, entry_->id, interest);
        if (status != SYSP_OK) throw Error{status, "cannot change a watch"};
    }
    explicit operator bool() const noexcept { return entry_ != nullptr; }

  private:
    friend class Io;
    std::shared_ptr<detail::LoopEntry<std::uint32_t>> entry_;
};

// One-shot; cancelled when it goes out of scope.
class Timer {
  public:
    Timer() = default;
    Timer(Timer&&) noexcept = default;
    Timer& operator=(Timer&& other) noexcept {
        if (this != &other) {
            reset();
            entry_ = std::move(other.entry_);
        }
        return *this;
    }
    ~Timer() { reset(); }

    void reset() noexcept {
        if (const auto entry = std::move(entry_)) entry->io->cancel_timer(entry->host, entry->id);
        entry_ = nullptr;
    }
    explicit operator bool() const noexcept { return entry_ != nullptr; }

  private:
    friend class Io;
    std::shared_ptr<detail::LoopEntry<>> entry_;
};

// Throws SYSP_E_UNSUPPORTED when the host has no loop to offer.
class Io {
  public:
    explicit Io(const sysp_host* host)
        : host_(host), io_(static_cast<const sysp_io*>(host->get_extension(host, SYSP_EXT_IO))) {
        if (io_ == nullptr) throw Error{SYSP_E_UNSUPPORTED, "the host lacks " SYSP_EXT_IO};
    }

    Watch watch(sysp_handle handle, std::uint32_t interest,
                std::function<void(std::uint32_t)> ready) const {
        Watch result;
        auto entry = make_entry<std::uint32_t>(std::move(ready));
        const auto status = io_->watch(
            host_, handle, interest, &decltype(entry)::element_type::call, entry.get(), &entry->id);
        if (status != SYSP_OK) throw Error{status, "cannot watch a handle"};
        result.entry_ = std::move(entry);
        return result;
    }
    Timer timer(std::chrono::nanoseconds delay, std::function<void()> due) const {
        Timer result;
        auto entry = make_entry<>(std::move(due));
        const auto ns = delay.count() > 0 ? static_cast<std::uint64_t>(delay.count()) : 0;
        const auto status = io_->start_timer(host_, ns, &decltype(entry)::element_type::call,
                                             entry.get(), &entry->id);
        if (status != SYSP_OK) throw Error{status, "cannot start a timer"};
        result.entry_ = std::move(entry);
        return result;
    }
    std::uint64_t now_ns() const { return io_->now_ns(host_); }

  private:
    template <class... Args>
    std::shared_ptr<detail::LoopEntry<Args...>> make_entry(
        std::function<void(Args...)> call) const {
        auto entry = std::make_shared<detail::LoopEntry<Args...>>();
        entry->host = host_;
        entry->io = io_;
        entry->callback = std::move(call);
        return entry;
    }

    const sysp_host* host_;
    const sysp_io* io_;
};

}  // namespace syspulse::sdk
