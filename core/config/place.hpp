// Where in a document a message belongs that begins with a JSON pointer.
#pragma once

#include <string>
#include <string_view>

#include "config/value.hpp"

namespace syspulse::config {

struct Place {
    bool found = false;     // The pointer leads at least to one key.
    Position where{};       // Of the last key or item that the document has.
    std::string key{};      // That key.
    std::string_view rest;  // The message without its pointer.
};

// "/daemons/web/command: must be a list" in a document with daemons.
Place find_place(const Value& document, std::string_view message);

}  // namespace syspulse::config
