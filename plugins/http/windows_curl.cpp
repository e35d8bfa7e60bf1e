// libcurl is part of the plugin on Windows: there is no system's own to share. TLS is the system's
// (Schannel), with its certificates.
#include <atomic>

#include "http/curl.hpp"

namespace syspulse::plugins::http {
namespace {

std::atomic<bool> loaded_once = false;

Curl table() {
    Curl curl{};
    curl.global_init = &curl_global_init;
    curl.easy_init = &curl_easy_init;
    curl.easy_setopt = &curl_easy_setopt;
    curl.easy_getinfo = &curl_easy_getinfo;
    curl.easy_strerror = &curl_easy_strerror;
    curl.easy_cleanup = &curl_easy_cleanup;
    curl.multi_init = &curl_multi_init;
    curl.multi_setopt = &curl_multi_setopt;
    curl.multi_add_handle = &curl_multi_add_handle;
    curl.multi_remove_handle = &curl_multi_remove_handle;
    curl.multi_socket_action = &curl_multi_socket_action;
    curl.multi_info_read = &curl_multi_info_read;
    curl.multi_cleanup = &curl_multi_cleanup;
    curl.slist_append = &curl_slist_append;
    curl.slist_free_all = &curl_slist_free_all;
    curl.global_init(CURL_GLOBAL_DEFAULT);
    return curl;
}

}  // namespace

const Curl& curl() {
    static const Curl loaded = table();
    loaded_once = true;
    return loaded;
}

bool is_loaded() {
    return loaded_once;
}

}  // namespace syspulse::plugins::http
