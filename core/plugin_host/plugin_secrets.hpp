// Values of options that a schema marks as secret, kept out of whatever a plugin says.
#pragma once

#include <syspulse/plugin.h>

#include <string>
#include <string_view>
#include <vector>

namespace syspulse::plugin_host {

// The secret texts in `options`, longest first. Very short ones are none: hiding them would tear
// every other word apart.
std::vector<std::string> secret_values(std::string_view schema, std::string_view options);

// Adds what is not there yet; `known` stays longest first.
void add_secrets(std::vector<std::string>& known, std::vector<std::string> more);

// "***" in place of each of them.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

// A foreign text as safe_text() gives it, with the secrets hidden before anything is cut off or
// replaced: a part of a secret would not be known as one. They are longest first. Reads no more
// than `limit` bytes and the longest secret's.
std::string safe_text_without(const sysp_str& text, std::size_t limit,
                              const std::vector<std::string>& secrets);

}  // namespace syspulse::plugin_host
