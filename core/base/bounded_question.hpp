// A question that may take for ever, asked on a thread of its own: who has waited long enough goes
// on without an answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/detached_thread.hpp"

namespace syspulse {

template <typename Answer>
class BoundedQuestion {
  public:
    // Throws nothing; called on any thread, also after the BoundedQuestion is gone.
    using Ask = std::function<Answer(const std::string& about)>;

    BoundedQuestion(Ask ask, std::chrono::milliseconds patience)
        : ask_(std::move(ask)), patience_(patience) {}

    // Nothing when the answer takes longer. While a question is open it is neither asked again nor
    // waited for; its answer is for who asks next. While any is open, no other is waited for, and
    // with too many of them no other is asked: whoever has many questions waits once. [one thread]
    std::optional<Answer> of(const std::string& about) {
        constexpr std::chrono::milliseconds no_time{0};
        auto open = open_.find(about);
        const bool is_new = open == open_.end();
        const bool is_alone = open_.empty();
        if (is_new && open_.size() >= most_open) return std::nullopt;
        if (is_new) open = open_.emplace(about, begin(about)).first;
        auto answer = open->second->wait(is_new && is_alone ? patience_ : no_time);
        if (answer) open_.erase(open);
        return answer;
    }

  private:
    static constexpr std::size_t most_open = 16;  // Each is a thread.

    struct Open {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Answer> answer;

        void take(Answer told) {
            const std::lock_guard lock(mutex);
            answer.emplace(std::move(told));
            changed.notify_all();
        }
        std::optional<Answer> wait(std::chrono::milliseconds patience) {
            std::unique_lock lock(mutex);
            changed.wait_for(lock, patience, [this] { return answer.has_value(); });
            return answer;
        }
    };

    std::shared_ptr<Open> begin(const std::string& about) const {
        auto open = std::make_shared<Open>();
        try {
            start_detached([open, ask = ask_, about] { open->take(ask(about)); });
        } catch (const std::system_error&) {
            open->take(ask_(about));  // No more threads are allowed.
        }
        return open;
    }

    Ask ask_;
    std::chrono::milliseconds patience_;
    std::map<std::string, std::shared_ptr<Open>> open_;
};

}  // namespace syspulse
