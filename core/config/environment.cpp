#include <algorithm>

#include "base/utf8.hpp"
#include "config/readers.hpp"

namespace syspulse::config {
namespace {

// Bounds what a short file with many references to a long variable can grow to.
constexpr std::size_t expanded_bytes_max = 16UL * 1024 * 1024;

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_variable_name(std::string_view name) {
    return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
           std::all_of(name.begin(), name.end(), is_name_char);
}

class Expander {
  public:
    Expander(const EnvironmentLookup& lookup, Issues& issues) : lookup_(lookup), issues_(issues) {}

    void visit(Value& value) {
        for (Value& item : value.items) visit(item);
        for (Member& member : value.members) visit(member.value);
        if (value.kind != Value::Kind::string) return;
        if (value.text.find('$') != std::string::npos) value.text = expand(value.text, value.where);
        if (value.plain) resolve_plain(value);
    }

  private:
    std::string expand(std::string_view text, const Position& where) {
        std::string out;
        while (!text.empty()) {
            const std::size_t dollar = text.find('$');
            out += text.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            text.remove_prefix(dollar);
            if (text.starts_with("$$")) {
                out += '$';
                text.remove_prefix(2);
            } else if (text.starts_with("${")) {
                const std::size_t end = text.find('}');
                if (end == std::string_view::npos) {
                    fail(where, "\"${\" has no closing brace: write $$ for a dollar sign");
                    return out;
                }
                out += replacement(text.substr(2, end - 2), where);
                text.remove_prefix(end + 1);
            } else {
                out += '$';
                text.remove_prefix(1);
            }
        }
        return out;
    }

    std::string replacement(std::string_view reference, const Position& where) {
        const std::size_t separator = reference.find(":-");
        const std::string_view name = reference.substr(0, separator);
        if (!is_variable_name(name) || reference.find("${") != std::string_view::npos) {
            fail(where, "cannot expand \"${" + std::string(reference) +
                            "}\": write ${NAME} or ${NAME:-default}, or $$ for a dollar sign");
            return {};
        }
        auto found = lookup_ ? lookup_(name) : std::nullopt;
        // As in a shell, ":-" takes the default for an empty variable too.
        if (separator != std::string_view::npos && (!found || found->empty())) {
            found = std::string(reference.substr(separator + 2));
        }
        if (!found) {
            fail(where, "the environment variable \"" + std::string(name) +
                            "\" is not set: set it or write ${" + std::string(name) + ":-default}");
            return {};
        }
        if (!is_utf8(*found)) {
            fail(where, "the environment variable \"" + std::string(name) +
                            "\" is not UTF-8: a spec cannot hold it");
            return {};
        }
        expanded_bytes_ += found->size();
        if (expanded_bytes_ <= expanded_bytes_max) return *found;
        if (!too_large_) fail(where, "the environment expands to more than 16 MiB");
        too_large_ = true;
        return {};
    }

    void fail(const Position& where, std::string message) {
        issues_.push_back({where, std::move(message)});
    }

    const EnvironmentLookup& lookup_;
    Issues& issues_;
    std::size_t expanded_bytes_ = 0;
    bool too_large_ = false;
};

}  // namespace

void expand_environment(Value& root, const EnvironmentLookup& lookup, Issues& issues) {
    Expander expander(lookup, issues);
    if (root.kind != Value::Kind::map) {
        expander.visit(root);
        return;
    }
    for (Member& member : root.members) {
        if (!member.key.starts_with("x-")) expander.visit(member.value);
    }
}

}  // namespace syspulse::config
