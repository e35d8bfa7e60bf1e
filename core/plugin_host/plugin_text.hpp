// Foreign text and errors made safe to show: bounded, one line, valid UTF-8, no terminal escapes.
#pragma once

#include <syspulse/plugin.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace syspulse::plugin_host {

constexpr std::size_t message_limit = 1024;
constexpr std::size_t log_line_limit = 4096;

// Never reads more than `limit` bytes.
std::string safe_text(const char* text, std::size_t length, std::size_t limit);
// A message from another process.
std::string safe_message(const std::string& text);

ErrorCode code_of(sysp_status status);

// What a status means when the plugin gave no message.
std::string_view describe(sysp_status status);

// `text` makes the message fit to be shown.
Error error_of(const sysp_error& foreign, const std::function<std::string(const sysp_str&)>& text);

sysp_str borrow(const std::string& text);

}  // namespace syspulse::plugin_host
