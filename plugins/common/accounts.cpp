#include "common/accounts.hpp"

#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace syspulse::plugins {
namespace {

// For how long an answer that nobody waited for any more is as good as one that comes now.
constexpr std::chrono::seconds late_answers_hold{5};

// Two numbers are answered without asking anybody.
bool needs_no_directory(const std::string& user) {
    return user.empty() || (user.find(':') != std::string::npos &&
                            user.find_first_not_of("0123456789:") == std::string::npos);
}

// Signals are for the threads of the program.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace

struct Accounts::Question {
    std::mutex mutex;
    std::condition_variable changed;
    bool answered = false;
    std::chrono::steady_clock::time_point answered_at;
    std::optional<Credentials> found;
    std::optional<sdk::Error> error;

    void answer(const Lookup& lookup, const std::string& user) {
        std::optional<Credentials> told;
        std::optional<sdk::Error> failure;
        try {
            told = lookup(user);
        } catch (...) {
            failure = sdk::detail::current_error();
        }
        const std::lock_guard lock(mutex);
        found = std::move(told);
        error = std::move(failure);
        answered = true;
        answered_at = std::chrono::steady_clock::now();
        changed.notify_all();
    }
    // Of the answer; nobody else changes it any more.
    std::chrono::steady_clock::duration age() const {
        return std::chrono::steady_clock::now() - answered_at;
    }
    bool wait(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, patience, [this] { return answered; });
    }
};

Accounts::Accounts(Lookup lookup, std::chrono::milliseconds patience)
    : lookup_(std::move(lookup)), patience_(patience) {}

std::optional<Credentials> Accounts::of(const std::string& user) {
    if (needs_no_directory(user)) return lookup_(user);
    Known& known = known_[user];
    if (known.open && known.open->wait(std::chrono::milliseconds{0})) {
        // One that came too late for who asked is for the next, unless that one comes much later.
        if (known.open->age() < late_answers_hold) return take(known);
        known.answer = known.open->error ? std::nullopt : std::optional(known.open->found);
        known.open = nullptr;
    }
    if (!known.open) {
        known.open = ask(user);
        if (known.open->wait(patience_)) return take(known);
    }
    if (known.answer) return *known.answer;
    throw sdk::Error{SYSP_E_BUSY, "cannot find the user '" + user +
                                      "': the directory of users does not answer (stage user)"};
}

std::optional<Credentials> Accounts::take(Known& known) const {
    const auto question = std::exchange(known.open, nullptr);
    known.answer.reset();
    if (question->error) throw sdk::Error(*question->error);
    known.answer = question->found;
    return question->found;
}

std::shared_ptr<Accounts::Question> Accounts::ask(const std::string& user) const {
    auto question = std::make_shared<Question>();
    const SignalsBlocked blocked;
    try {
        std::thread([question, lookup = lookup_, user] {
            question->answer(lookup, user);
        }).detach();
    } catch (const std::system_error&) {
        question->answer(lookup_, user);  // No more threads are allowed.
    }
    return question;
}

}  // namespace syspulse::plugins
