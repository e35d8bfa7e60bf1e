// The descriptor, sound or broken.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "mock.hpp"

namespace syspulse::plugins::mock {
namespace {

const void* SYSP_CALL get_extension(const char*) {
    static const int something = 1;
    return &something;
}

// Runs when the file is loaded.
struct AtLoad {
    AtLoad() {
        if (broken("load-crash")) std::abort();
        if (broken("load-exit")) ::_exit(0);
        if (broken("load-hang")) spin();
        if (broken("M08")) std::thread([] { ::pause(); }).detach();
    }
};
const AtLoad at_load;

sysp_module describe() {
    static const sysp_kind* kinds[] = {checker_kind(), driver_kind()};
    sysp_module module{};
    module.size = sizeof module;
    module.magic = broken("M04") ? 7 : SYSP_MAGIC;
    module.abi_major = SYSP_ABI_MAJOR;
    module.abi_minor = SYSP_TARGET_MINOR;
    module.id = broken("M05") ? "no spaces please" : "syspulse.mock";
    module.version = "1.0.0";
    module.vendor = "syspulse";
    module.sdk = "none";
    module.kinds = kinds;
    if (broken("poison")) module.kinds = reinterpret_cast<const sysp_kind* const*>(0x10);
    module.kind_count = 2;
    if (broken("M09")) module.get_extension = get_extension;
    return module;
}

}  // namespace

bool broken(std::string_view item) {
    const char* const fault = std::getenv("SYSPULSE_MOCK_FAULT");
    return fault != nullptr && item == fault;
}

void spin() {
    std::atomic<unsigned> turns{0};
    for (;;) ++turns;
}

}  // namespace syspulse::plugins::mock

extern "C" SYSP_EXPORT const sysp_module* SYSP_CALL syspulse_plugin_v1(void) {
    namespace mock = syspulse::plugins::mock;
    static const sysp_module module = mock::describe();
    if (mock::broken("M03")) return new sysp_module(module);
    return &module;
}
