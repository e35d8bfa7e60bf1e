#include "http/curl.hpp"

#include <dlfcn.h>

#include <syspulse/plugin.hpp>

#include <atomic>
#include <string>

namespace syspulse::plugins::http {
namespace {

template <class Function>
void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (function == nullptr)
        throw sdk::Error{SYSP_E_UNSUPPORTED,
                         std::string("cannot use libcurl: it lacks the function ") + name};
}

// Never unloaded: libcurl and what it uses have threads and tables of their own.
Curl load() {
    void* const library = ::dlopen(SYSPULSE_LIBCURL, RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) {
        throw sdk::Error{SYSP_E_UNSUPPORTED,
                         std::string("cannot load libcurl: ") + ::dlerror() +
                             "; install the package libcurl4, or use a check of type tcp"};
    }
    Curl curl{};
    find(library, "curl_global_init", curl.global_init);
    find(library, "curl_easy_init", curl.easy_init);
    find(library, "curl_easy_setopt", curl.easy_setopt);
    find(library, "curl_easy_getinfo", curl.easy_getinfo);
    find(library, "curl_easy_strerror", curl.easy_strerror);
    find(library, "curl_easy_cleanup", curl.easy_cleanup);
    find(library, "curl_multi_init", curl.multi_init);
    find(library, "curl_multi_setopt", curl.multi_setopt);
    find(library, "curl_multi_add_handle", curl.multi_add_handle);
    find(library, "curl_multi_remove_handle", curl.multi_remove_handle);
    find(library, "curl_multi_socket_action", curl.multi_socket_action);
    find(library, "curl_multi_info_read", curl.multi_info_read);
    find(library, "curl_multi_cleanup", curl.multi_cleanup);
    find(library, "curl_slist_append", curl.slist_append);
    find(library, "curl_slist_free_all", curl.slist_free_all);
    // libcurl counts its users itself; this one stays.
    curl.global_init(CURL_GLOBAL_DEFAULT);
    return curl;
}

std::atomic<bool> loaded_once = false;

}  // namespace

const Curl& curl() {
    static const Curl loaded = load();
    loaded_once = true;
    return loaded;
}

bool is_loaded() {
    return loaded_once;
}

}  // namespace syspulse::plugins::http
