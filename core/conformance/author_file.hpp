// What only the author of a plugin can tell the kit: which targets pass and which fail, and what
// does not apply. docs/plugin-conformance.md describes the file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/value.hpp"

namespace syspulse::conformance {

struct AuthorKind {
    std::string file;                   // Where this was said.
    std::vector<std::string> configs;   // JSON; valid.
    std::vector<config::Value> places;  // The same, as they stand in the file.
    std::vector<std::string> invalid;   // JSON; fits the schema, and create must refuse it.
    std::string pass;                   // Targets; empty where the author gave none.
    std::string fail;
    std::string slow;
    std::string reply;                        // What the kit's listener on {port} answers.
    std::map<std::string, std::string> skip;  // Item -> reason.
    config::Position where{};                 // Of its name.
    std::map<std::string, config::Position> skip_places;
};

struct AuthorFile {
    std::string path;  // As it was given; empty for none.
    std::map<std::string, AuthorKind> kinds;

    // `kind` is "checker NAME" or "driver NAME"; the file may leave the type out. Null when it says
    // nothing of it.
    const AuthorKind* find(const std::string& kind) const;
};

// YAML, strictly: the error lists every mistake as "file:line:column: message".
Result<AuthorFile> parse_author_file(std::string_view name, std::string_view text);

}  // namespace syspulse::conformance
