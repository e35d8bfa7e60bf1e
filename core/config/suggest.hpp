// "Did you mean": the nearest known word to a misspelt one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace syspulse::config {

// The candidate that is nearest to `word`, unless all are too far off to be meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

// "; did you mean \"x\"?" or nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean \"x\"?", or "; LABEL: a, b, c" when nothing is near, or nothing without
// candidates.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view label);

}  // namespace syspulse::config
