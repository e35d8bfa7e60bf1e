// What is well-formed UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace syspulse {

// The length in bytes of the well-formed sequence at the front of `text`, which is not empty; zero
// when there is none: overlong forms, surrogates and what lies above U+10FFFF are not (Unicode 15,
// table 3-7). [any thread]
std::size_t utf8_sequence_length(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

}  // namespace syspulse
