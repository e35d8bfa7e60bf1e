// Asking for what may come late: the answer to a client goes on without it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/time.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::manager {

// Calls `done` once, with what `ask` brought or, after `patience`, with nothing. [loop thread, and
// so must be the call of what `ask` is given]
template <typename Value>
void ask_with_patience(platform::EventLoop& loop, const platform::Clock& clock, Duration patience,
                       const std::function<void(std::function<void(Value)>)>& ask,
                       std::function<void(std::optional<Value>)> done) {
    auto waiting = std::make_shared<std::function<void(std::optional<Value>)>>(std::move(done));
    const platform::TimerId timer = loop.start_timer(clock.now().mono + patience, [waiting] {
        if (*waiting) std::exchange(*waiting, {})(std::nullopt);
    });
    ask([&loop, waiting, timer](Value value) {
        if (!*waiting) return;
        loop.cancel_timer(timer);
        std::exchange(*waiting, {})(std::move(value));
    });
}

}  // namespace syspulse::manager
