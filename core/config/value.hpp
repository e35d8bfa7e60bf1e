// A document as a tree of values that know where they stand in the text, so that YAML files and
// JSON requests are read and validated by the same code. Holds data only and knows no format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace syspulse::config {

// Where something stands: line and column (1-based, columns count bytes) in a file, or a JSON
// pointer in a request. Line zero means that only the pointer is known.
struct Position {
    int line = 0;
    int column = 0;
    std::string pointer;
};

struct Member;

struct Value {
    enum class Kind : std::uint8_t { null, boolean, integer, number, string, list, map };

    Kind kind = Kind::null;
    bool plain = false;  // An unquoted YAML scalar, whose literal text may be taken as a string.
    bool boolean = false;
    std::int64_t integer = 0;
    double number = 0;            // Set for integers too.
    std::string text;             // The string, or the literal text of any other scalar.
    std::vector<Value> items;     // Of a list.
    std::vector<Member> members;  // Of a map, in the document's order, keys unique.
    Position where;

    // The member's value, or null.
    const Value* find(std::string_view key) const noexcept;
    bool is_scalar() const noexcept { return kind != Kind::list && kind != Kind::map; }
};

struct Member {
    std::string key;
    Position key_where;
    Value value;
};

// One thing that is wrong, and where.
struct Issue {
    Position where;
    std::string message;
};
using Issues = std::vector<Issue>;

// "the number 5", "the text \"five\"", "a list": what was found, for a message. Long texts are cut.
std::string describe(const Value& value);

// Gives an unquoted scalar its kind from its text: integer, number, true or false, else a string.
// Words that only YAML 1.1 takes for booleans (yes, no, on, off) stay strings.
void resolve_plain(Value& value);

// Compact JSON, the keys of every map sorted. Bytes that are not UTF-8 are replaced.
std::string to_json_text(const Value& value);

}  // namespace syspulse::config
