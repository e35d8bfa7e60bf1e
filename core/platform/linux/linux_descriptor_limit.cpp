#include <sys/resource.h>

#include "base/log.hpp"
#include "platform/descriptor_limit.hpp"
#include "platform/linux/linux_error.hpp"

namespace syspulse::platform {

void raise_descriptor_limit() {
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log::warn(os_error("cannot raise the limit of open descriptors").message);
}

}  // namespace syspulse::platform
