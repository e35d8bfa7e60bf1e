#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "http/regex.hpp"

namespace syspulse::plugins::http {
namespace {

void tell(const std::string& text, char* error, std::size_t capacity) noexcept {
    const std::size_t length = std::min(text.size(), capacity - 1);
    std::memcpy(error, text.data(), length);
    error[length] = '\0';
}

void* compile(const char* pattern, std::size_t length, char* error, std::size_t capacity) try {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_encoding(RE2::Options::EncodingLatin1);  // A body need not be UTF-8.
    auto regex = std::make_unique<RE2>(re2::StringPiece(pattern, length), options);
    if (regex->ok()) return regex.release();
    tell(regex->error(), error, capacity);
    return nullptr;
} catch (const std::exception& problem) {
    tell(problem.what(), error, capacity);
    return nullptr;
}

int search(const void* regex, const char* text, std::size_t length) try {
    return RE2::PartialMatch(re2::StringPiece(text, length), *static_cast<const RE2*>(regex)) ? 1
                                                                                              : 0;
} catch (const std::exception&) {
    return -1;
}

void release(void* regex) {
    delete static_cast<RE2*>(regex);
}

}  // namespace
}  // namespace syspulse::plugins::http

#if defined(__GNUC__) && !defined(__MINGW32__)
__attribute__((visibility("default")))
#endif
const syspulse::plugins::http::RegexFunctions*
syspulse_http_regex_v1() {
    using namespace syspulse::plugins;
    static const http::RegexFunctions functions{http::compile, http::search, http::release};
    return &functions;
}
