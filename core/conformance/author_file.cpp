#include "conformance/author_file.hpp"

#include <array>

#include "config/document_builder.hpp"
#include "config/field_reader.hpp"
#include "config/readers.hpp"
#include "config/spec_loader.hpp"
#include "config/value.hpp"

namespace syspulse::conformance {
namespace {

using namespace std::string_view_literals;
using config::Issues;
using config::Value;

constexpr std::array top_keys{"kinds"sv};
constexpr std::array kind_keys{"configs"sv, "invalid"sv, "pass"sv, "fail"sv,
                               "slow"sv,    "reply"sv,   "skip"sv};

void read_list(const Value* list, std::vector<std::string>& out, Issues& issues) {
    if (list == nullptr) return;
    for (const Value& item : list->items) out.push_back(config::to_json_text(item));
    if (list->items.empty()) issues.push_back({list->where, "expected a list of options"});
}

AuthorKind read_kind(std::string_view file, const config::Member& entry, Issues& issues) {
    AuthorKind kind;
    kind.file = file;
    kind.where = entry.key_where;
    if (entry.value.kind != Value::Kind::map) {
        issues.push_back({entry.key_where, "\"" + entry.key + "\" must be a map"});
        return kind;
    }
    config::FieldReader fields(entry.value, kind_keys, issues);
    const Value* const configs = fields.find("configs");
    read_list(configs, kind.configs, issues);
    if (configs != nullptr) kind.places = configs->items;
    read_list(fields.find("invalid"), kind.invalid, issues);
    fields.text("pass", kind.pass);
    fields.text("fail", kind.fail);
    fields.text("slow", kind.slow);
    fields.text("reply", kind.reply);
    if (const Value* const skip = fields.find("skip")) {
        if (skip->kind != Value::Kind::map)
            issues.push_back({skip->where, "\"skip\" must be a map from items to reasons"});
        for (const config::Member& member : skip->members) {
            kind.skip_places[member.key] = member.key_where;
            kind.skip[member.key] = config::literal_text(member.value).value_or("as the file says");
        }
    }
    return kind;
}

}  // namespace

const AuthorKind* AuthorFile::find(const std::string& kind) const {
    for (const auto& name : {kind, kind.substr(kind.find(' ') + 1)}) {
        const auto found = kinds.find(name);
        if (found != kinds.end()) return &found->second;
    }
    return nullptr;
}

Result<AuthorFile> parse_author_file(std::string_view name, std::string_view text) {
    AuthorFile file;
    file.path = name;
    Issues issues;
    auto root = config::read_yaml(text, issues);
    if (root) {
        config::expand_environment(
            *root, [](std::string_view) { return std::nullopt; }, issues);
        if (root->kind != Value::Kind::map) {
            issues.push_back({root->where, "expected a map with a \"kinds\" block"});
        } else {
            const config::FieldReader fields(*root, top_keys, issues);
            const Value* const kinds = fields.find("kinds");
            if (kinds == nullptr) issues.push_back({root->where, "there is no \"kinds\" block"});
            for (const config::Member& entry :
                 kinds == nullptr ? std::vector<config::Member>{} : kinds->members) {
                file.kinds.emplace(entry.key, read_kind(name, entry, issues));
            }
        }
    }
    if (issues.empty()) return file;
    std::string message;
    for (const config::Issue& issue : issues) {
        message += (message.empty() ? "" : "\n") +
                   config::format_error(
                       {std::string(name), issue.where.line, issue.where.column, issue.message});
    }
    return Error{ErrorCode::invalid_argument, message};
}

}  // namespace syspulse::conformance
