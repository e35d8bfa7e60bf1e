// Values of options that a schema marks as secret, kept out of whatever a plugin says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syspulse::plugin_host {

// The secret texts in `options`, longest first. Very short ones are none: hiding them would tear
// every other word apart.
std::vector<std::string> secret_values(std::string_view schema, std::string_view options);

// "***" in place of each of them.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

}  // namespace syspulse::plugin_host
