#include "cli/plugin_project.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

namespace syspulse::cli {
namespace {

namespace fs = std::filesystem;

using Replacements = std::array<std::pair<std::string_view, std::string>, 3>;

std::string in_camel_case(const std::string& name) {
    std::string made;
    bool starts_word = true;
    for (const char c : name) {
        if (c == '-') {
            starts_word = true;
            continue;
        }
        const bool raise = starts_word && c >= 'a' && c <= 'z';
        made += raise ? static_cast<char>(c - 'a' + 'A') : c;
        starts_word = false;
    }
    return made;
}

std::string filled_in(std::string text, const Replacements& replacements) {
    for (const auto& [mark, value] : replacements) {
        for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
            text.replace(at, mark.size(), value);
            at += value.size();
        }
    }
    return text;
}

Error cannot_write(const fs::path& path, const std::string& cause) {
    return {ErrorCode::internal, "cannot write " + path.string() + ": " + cause};
}

Result<void> write_file(const fs::path& from, const fs::path& to,
                        const Replacements& replacements) {
    std::ifstream source(from, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(source), {}};
    if (source.bad()) return Error{ErrorCode::internal, "cannot read " + from.string()};
    std::error_code failure;
    fs::create_directories(to.parent_path(), failure);
    if (failure) return cannot_write(to, failure.message());
    std::ofstream made(to, std::ios::binary);
    made << filled_in(text, replacements);
    made.close();
    if (!made) return cannot_write(to, "the disk may be full");
    return {};
}

// What there is, for a person who asked for something else.
std::string known_templates(const fs::path& templates) {
    std::vector<std::string> names;
    std::error_code failure;
    for (fs::recursive_directory_iterator at(templates, failure), end; !failure && at != end;
         at.increment(failure)) {
        if (at.depth() == 1 && at->is_directory()) {
            names.push_back(at->path().parent_path().filename().string() + " " +
                            at->path().filename().string());
            at.disable_recursion_pending();
        }
    }
    std::sort(names.begin(), names.end());
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

bool is_kind_name(const std::string& name) {
    constexpr std::size_t longest = 32;
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto fits = [lower](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; };
    return !name.empty() && name.size() <= longest && lower(name.front()) &&
           std::all_of(name.begin(), name.end(), fits);
}

Result<std::vector<fs::path>> create_plugin_project(const fs::path& templates,
                                                    const PluginProject& project,
                                                    const fs::path& target) {
    const fs::path from = templates / project.language / project.kind;
    std::error_code failure;
    if (!fs::is_directory(from, failure)) {
        const std::string known = known_templates(templates);
        return Error{known.empty() ? ErrorCode::not_found : ErrorCode::invalid_argument,
                     known.empty() ? "there are no templates in " + templates.string() +
                                         "; install the syspulse SDK"
                                   : "there is no template \"" + project.language + " " +
                                         project.kind + "\"; there are: " + known};
    }
    if (fs::exists(target, failure)) {
        return Error{ErrorCode::already_exists, "cannot write " + target.string() +
                                                    ": it exists; choose another name or remove it "
                                                    "first"};
    }
    std::string identifier = project.name;
    std::replace(identifier.begin(), identifier.end(), '-', '_');
    const Replacements replacements{{{"@NAME@", project.name},
                                     {"@CLASS@", in_camel_case(project.name)},
                                     {"@IDENT@", identifier}}};
    std::vector<fs::path> written;
    for (fs::recursive_directory_iterator at(from, failure), end; !failure && at != end;
         at.increment(failure)) {
        if (!at->is_regular_file()) continue;
        const fs::path name = at->path().lexically_relative(from);
        const auto done = write_file(at->path(), target / name, replacements);
        if (!done) return done.error();
        written.push_back(name);
    }
    if (failure) return Error{ErrorCode::internal, "cannot read " + from.string()};
    std::sort(written.begin(), written.end());
    return written;
}

}  // namespace syspulse::cli
