// Ctrl+C or Ctrl+Break on its way to a process, which a program of its own sends: a process has one
// console, so that this one cannot be in another's for a moment.
#pragma once

#include <string>
#include <utility>

#include "windows/win32.hpp"

namespace syspulse::plugins::job {

// What has not arrived when this ends does not arrive any more.
class ConsoleEvent {
  public:
    ConsoleEvent() noexcept = default;  // None.
    // `event` is ctrl_c or ctrl_break. Throws sdk::Error if it cannot be sent.
    ConsoleEvent(DWORD pid, const std::string& event);
    ConsoleEvent(ConsoleEvent&& other) noexcept = default;
    ConsoleEvent& operator=(ConsoleEvent&& other) noexcept {
        take_back();
        sender_ = std::move(other.sender_);
        return *this;
    }
    ~ConsoleEvent() { take_back(); }

    // Whether it had not arrived yet, and will not.
    bool take_back() noexcept;

  private:
    windows::UniqueHandle sender_;
};

}  // namespace syspulse::plugins::job
