#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace syspulse {

void assertion_failed(const char* expression, const char* why, const char* file,
                      int line) noexcept {
    std::fprintf(stderr, "syspulse: broken invariant at %s:%d: %s (%s)\n", file, line, why,
                 expression);
    std::abort();
}

}  // namespace syspulse
