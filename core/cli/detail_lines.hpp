// Answers of the API, read leniently, and lines of "name: value" made from them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/json_text.hpp"

namespace syspulse::cli {

using Json = nlohmann::ordered_json;

// An empty object for what is none.
Json object_of(std::string_view text);

// Null where `object` is none, or has no such member.
const Json& member(const Json& object, const char* key);

// Of a member: empty, or zero, where it is something else.
std::string text(const Json& object, const char* key);
double number(const Json& object, const char* key);
bool has_number(const Json& object, const char* key);
// Its items with commas between them.
std::string list(const Json& object, const char* key);

// What is empty is left out.
class Lines {
  public:
    void add(const char* name, std::string value) {
        if (!value.empty()) {
            fields_.emplace_back(name, std::move(value));
        }
    }
    // Several values below each other.
    void add_all(const char* name, const std::vector<std::string>& values) {
        for (const std::string& value : values) {
            fields_.emplace_back(std::exchange(name, ""), value);
        }
    }
    std::vector<Field> take() { return std::move(fields_); }

  private:
    std::vector<Field> fields_;
};

}  // namespace syspulse::cli
