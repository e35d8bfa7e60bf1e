// RE2 is loaded when the first check has a regular expression: with it comes the system's C++
// library, which an empty manager has no use for.
#include <dlfcn.h>

#include <syspulse/plugin.hpp>

#include <string>

#include "http/regex.hpp"

namespace syspulse::plugins::http {
namespace {

// Beside the folder of the plugins, in which everything is taken for one.
std::string library_file() {
    Dl_info info{};
    ::dladdr(reinterpret_cast<const void*>(&regex_functions), &info);
    const std::string mine = info.dli_fname == nullptr ? "" : info.dli_fname;
    return mine.substr(0, mine.rfind('/') + 1) + "../http-regex.so";
}

// Never unloaded, as RE2 keeps tables of its own.
const RegexFunctions& load_functions() {
    const std::string file = library_file();
    void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        throw sdk::Error{
            SYSP_E_UNSUPPORTED,
            std::string("cannot load what body_regex needs: ") + ::dlerror() +
                "; it is installed with syspulse and needs RE2, in Debian 12 the package libre2-9"};
    }
    const auto functions = reinterpret_cast<decltype(&syspulse_http_regex_v1)>(
        ::dlsym(library, "syspulse_http_regex_v1"));
    if (functions == nullptr)
        throw sdk::Error{SYSP_E_UNSUPPORTED, file + " is not the library of this plugin"};
    return *functions();
}

}  // namespace

const RegexFunctions& regex_functions() {
    static const RegexFunctions& loaded = load_functions();
    return loaded;
}

}  // namespace syspulse::plugins::http
