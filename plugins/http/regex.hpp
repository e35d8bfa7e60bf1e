// Regular expressions that are searched for in time linear in the text, whatever the pattern, and
// in bounded memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace syspulse::plugins::http {

// What lies behind, as functions in C: RE2 is C++ and shares the C++ library of the system, while
// this plugin has one of its own. Nothing is thrown across.
struct RegexFunctions {
    // Null when the pattern is wrong; then up to `capacity` bytes of `error`, with their end, say
    // why.
    void* (*compile)(const char* pattern, std::size_t length, char* error, std::size_t capacity);
    // 1 when found, 0 when not, -1 when there is no memory.
    int (*search)(const void* regex, const char* text, std::size_t length);
    void (*release)(void* regex);
};

// Ready for use, for as long as this OS process lives. Throws sdk::Error when it cannot be loaded.
// [any thread]
const RegexFunctions& regex_functions();

class Regex {
  public:
    // Throws sdk::Error with what is wrong with the pattern.
    explicit Regex(const std::string& pattern);

    bool found_in(const std::string& text) const;

  private:
    std::unique_ptr<void, void (*)(void*)> compiled_;
};

}  // namespace syspulse::plugins::http

// A plugin that runs on after an upgrade may load the library of a newer version: what is behind
// this name never changes.
extern "C" const syspulse::plugins::http::RegexFunctions* syspulse_http_regex_v1();
