#include "job/job_messages.hpp"

#include <system_error>
#include <utility>

namespace syspulse::plugins::job {
namespace {

constexpr ULONG_PTR stop_key = ~ULONG_PTR{0};
constexpr ULONG_PTR catch_up_key = stop_key - 1;

}  // namespace

JobMessages::JobMessages()
    : port_(::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1)),
      ready_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) {
    if (!port_ || !ready_)
        throw windows::win32_error("cannot make a completion port", ::GetLastError());
    try {
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& failed) {
        throw sdk::Error{SYSP_E_INTERNAL, "cannot start a thread for the messages of jobs: " +
                                              failed.code().message()};
    }
}

JobMessages::~JobMessages() {
    ::PostQueuedCompletionStatus(port_.get(), 0, stop_key, nullptr);
    thread_.join();
}

void JobMessages::run() {
    DWORD message = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* detail = nullptr;
    while (::GetQueuedCompletionStatus(port_.get(), &message, &key, &detail, INFINITE) != 0 &&
           key != stop_key) {
        const std::lock_guard lock(mutex_);
        if (key == catch_up_key) {
            ++answered_;
            caught_up_.notify_all();
        } else if (message == JOB_OBJECT_MSG_JOB_MEMORY_LIMIT) {
            reached_[key].memory = true;
            ::SetEvent(ready_.get());
        } else if (message == JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT) {
            reached_[key].processes = true;
            ::SetEvent(ready_.get());
        }
    }
    const std::lock_guard lock(mutex_);
    over_ = true;
    caught_up_.notify_all();
}

// A port gives out in the order in which it took.
void JobMessages::catch_up() {
    std::unique_lock lock(mutex_);
    if (::PostQueuedCompletionStatus(port_.get(), 0, catch_up_key, nullptr) == 0) return;
    const std::uint64_t mine = ++asked_;
    caught_up_.wait(lock, [&] { return over_ || answered_ >= mine; });
}

std::map<ULONG_PTR, LimitsReached> JobMessages::take() {
    const std::lock_guard lock(mutex_);
    ::ResetEvent(ready_.get());
    return std::exchange(reached_, {});
}

}  // namespace syspulse::plugins::job
