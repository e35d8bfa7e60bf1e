// libcurl, loaded when it is first needed: it brings some thirty libraries along, which would cost
// every start of a manager tens of milliseconds, whether or not a daemon has such a check.
#pragma once

#include <curl/curl.h>

namespace syspulse::plugins::http {

// The functions of libcurl by their names without "curl_".
struct Curl {
    decltype(&curl_global_init) global_init;
    decltype(&curl_easy_init) easy_init;
    decltype(&curl_easy_setopt) easy_setopt;
    decltype(&curl_easy_getinfo) easy_getinfo;
    decltype(&curl_easy_strerror) easy_strerror;
    decltype(&curl_easy_cleanup) easy_cleanup;
    decltype(&curl_multi_init) multi_init;
    decltype(&curl_multi_setopt) multi_setopt;
    decltype(&curl_multi_add_handle) multi_add_handle;
    decltype(&curl_multi_remove_handle) multi_remove_handle;
    decltype(&curl_multi_socket_action) multi_socket_action;
    decltype(&curl_multi_info_read) multi_info_read;
    decltype(&curl_multi_cleanup) multi_cleanup;
    decltype(&curl_slist_append) slist_append;
    decltype(&curl_slist_free_all) slist_free_all;
};

// Loads and sets up libcurl at the first call, for as long as this OS process lives. Throws
// sdk::Error when it cannot be loaded; the next call tries again. [any thread]
const Curl& curl();

// Whether curl() will return at once. [any thread]
bool is_loaded();

}  // namespace syspulse::plugins::http
