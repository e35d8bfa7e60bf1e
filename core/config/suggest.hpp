// "Did you mean": the nearest known word to a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace syspulse::config {

// "; did you mean \"x\"?", or "; LABEL: a, b, c" when nothing is near, or nothing without
// candidates.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view label);

}  // namespace syspulse::config
