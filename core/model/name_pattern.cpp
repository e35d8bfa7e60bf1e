#include "model/name_pattern.hpp"

namespace syspulse::model {
namespace {

// Whether `c` is in the bracket expression that begins after '[' at `at`; moves `at` behind its
// ']'. Nothing moves when it is never closed.
bool in_brackets(std::string_view pattern, std::size_t& at, char c, bool& closed) {
    std::size_t i = at;
    const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    i += negated ? 1 : 0;
    bool found = false;
    // A ']' that comes first stands for itself.
    for (bool first = true; i < pattern.size() && (first || pattern[i] != ']');
         first = false, ++i) {
        char high = pattern[i];
        const char low = pattern[i];
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            high = pattern[i + 2];
            i += 2;
        }
        found = found || (low <= c && c <= high);
    }
    closed = i < pattern.size();
    if (closed) {
        at = i + 1;
    }
    return found != negated;
}

// Whether the pattern's element at `at` takes the character `c`; moves `at` behind the element.
bool takes(std::string_view pattern, std::size_t& at, char c) {
    const char p = pattern[at++];
    if (p == '?') {
        return true;
    }
    if (p == '[') {
        bool closed = false;
        const bool in = in_brackets(pattern, at, c, closed);
        if (closed) {
            return in;
        }
    }
    return p == c;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star =
        std::string_view::npos;  // Behind the last '*' seen, and where its match begins.
    std::size_t star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
            continue;
        }
        if (p < pattern.size() && takes(pattern, p, text[t])) {
            ++t;
            continue;
        }
        if (star == std::string_view::npos) {
            return false;
        }
        p = star;  // The last '*' takes one more; earlier ones need not be tried again.
        t = ++star_text;
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace syspulse::model
