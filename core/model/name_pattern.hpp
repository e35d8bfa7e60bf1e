// Shell-style patterns for names: `*`, `?` and `[a-z]`, `[!a-z]`. Pure.
#pragma once

#include <string_view>

namespace syspulse::model {

// Whether the whole of `text` matches. A '[' that is never closed stands for itself.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace syspulse::model
