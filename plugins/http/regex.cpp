#include "http/regex.hpp"

#include <syspulse/plugin.hpp>

namespace syspulse::plugins::http {

Regex::Regex(const std::string& pattern) : compiled_(nullptr, regex_functions().release) {
    char error[256] = {};
    compiled_.reset(regex_functions().compile(pattern.data(), pattern.size(), error, sizeof error));
    if (!compiled_) throw sdk::Error{SYSP_E_CONFIG, std::string("/body_regex: ") + error};
}

bool Regex::found_in(const std::string& text) const {
    const int found = regex_functions().search(compiled_.get(), text.data(), text.size());
    if (found < 0) throw sdk::Error{SYSP_E_INTERNAL, "no memory to search the body"};
    return found == 1;
}

}  // namespace syspulse::plugins::http
