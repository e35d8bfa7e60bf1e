#include "base/assert.hpp"

#include <cstdlib>
#include <string>

#include "base/log.hpp"

namespace syspulse {

void assertion_failed(const char* expression, const char* why, const char* file,
                      int line) noexcept {
    log::last_words("broken invariant at " + std::string(file) + ":" + std::to_string(line) + ": " +
                    why + " (" + expression + ")");
    std::abort();
}

}  // namespace syspulse
