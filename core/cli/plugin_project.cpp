#include "cli/plugin_project.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/suggest.hpp"

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

// Names of what is in a directory, such as languages, or kinds of plugins for one of them.
std::vector<std::string> folders_in(const fs::path& directory) {
    std::vector<std::string> names;
    std::error_code failure;
    for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
         at.increment(failure)) {
        if (at->is_directory()) names.push_back(at->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

// What people call the languages.
std::string proper_language(const std::string& given) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> words{
        {{"cpp", "c++"},
         {"cxx", "c++"},
         {"cc", "c++"},
         {"C++", "c++"},
         {"C", "c"},
         {"rs", "rust"},
         {"Rust", "rust"}}};
    const auto found = std::find_if(words.begin(), words.end(),
                                    [&](const auto& word) { return word.first == given; });
    return std::string(found == words.end() ? given : found->second);
}

// Why there is no such template, and what to ask for.
Error no_template(const fs::path& templates, const PluginProject& project) {
    const auto languages = folders_in(templates);
    if (languages.empty()) {
        return {ErrorCode::not_found,
                "there are no templates in " + templates.string() + "; install the syspulse SDK"};
    }
    const auto has = [&](const std::string& language) {
        return std::find(languages.begin(), languages.end(), language) != languages.end();
    };
    if (!has(project.language)) {
        const std::string proper = proper_language(project.language);
        const std::vector<std::string_view> known(languages.begin(), languages.end());
        return {ErrorCode::invalid_argument,
                "there is no template in the language \"" + project.language + '"' +
                    (has(proper) ? "; did you mean \"" + proper + "\"?"
                                 : config::suggestion(project.language, known, "there are"))};
    }
    std::string others;
    for (const auto& language : languages) {
        if (fs::is_directory(templates / language / project.kind))
            others += (others.empty() ? "" : ", ") + language;
    }
    std::string text = "there is no template \"" + project.language + ' ' + project.kind + '"';
    if (project.kind.starts_with("async-")) {
        text = "--async has no template in the language \"" + project.language + '"';
    }
    text += others.empty() ? "" : "; there is one in: " + others;
    return {ErrorCode::invalid_argument, text};
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
        return no_template(templates, project);
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
