// RE2 is loaded when the first check has a regular expression: with it comes the system's C++
// library, which an empty manager has no use for.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

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

// A link could lead to where others write.
std::string why_distrusted(const struct stat& status) {
    if (!S_ISREG(status.st_mode)) return "it is not a regular file; install syspulse again";
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        return "it belongs to user " + std::to_string(status.st_uid) + ", expected root or user " +
               std::to_string(::geteuid()) + "; change its owner";
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "group or others may write it; run chmod go-w on it";
    return {};
}

// It gets to run in the manager, so it has to be as a plugin's file is. The directories that lead
// to it lead to this plugin, too, and were looked at when that was loaded.
void check_trusted(const std::string& file) {
    struct stat status {};
    if (::lstat(file.c_str(), &status) != 0) return;  // The loader says what is wrong.
    const std::string why = why_distrusted(status);
    if (!why.empty()) {
        throw sdk::Error{SYSP_E_DENIED,
                         "cannot load what body_regex needs: cannot trust " + file + ": " + why};
    }
}

// Never unloaded, as RE2 keeps tables of its own.
const RegexFunctions& load_functions() {
    const std::string file = library_file();
    check_trusted(file);
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
