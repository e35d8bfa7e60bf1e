#include "http/regex.hpp"

namespace syspulse::plugins::http {

const RegexFunctions& regex_functions() {
    return *syspulse_http_regex_v1();
}

}  // namespace syspulse::plugins::http
