// The query part of a request target: decoded pairs, taken one by one by whoever knows them, so
// that what is left over at the end is what nobody knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace syspulse::api {

// Nothing for a '%' without two hexadecimal digits and for a NUL byte.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

class QueryString {
  public:
    static Result<QueryString> parse(std::string_view text);

    // The value of `key`, which is then gone; a key given twice is an error at the end.
    std::optional<std::string> take(std::string_view key);

    // "true", "1", "yes" and the bare key are true; "false", "0" and "no" false; absent is false.
    Result<bool> take_flag(std::string_view key);

    // The names of what was not taken.
    Result<void> expect_empty() const;

  private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace syspulse::api
