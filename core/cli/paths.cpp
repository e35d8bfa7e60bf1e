#include "cli/paths.hpp"
#include "base/path_text.hpp"

namespace syspulse::cli {

std::optional<std::filesystem::path> optional_path(const std::optional<std::string>& text) {
    return text ? std::optional(path_from_utf8(*text)) : std::nullopt;
}

std::vector<std::filesystem::path> paths_of(const std::vector<std::string>& texts) {
    std::vector<std::filesystem::path> paths;
    for (const std::string& text : texts) paths.push_back(path_from_utf8(text));
    return paths;
}

std::vector<std::string> files_of(const Arguments& arguments, std::string_view fallback) {
    std::vector<std::string> files = arguments.all("file");
    files.insert(files.end(), arguments.positionals.begin(), arguments.positionals.end());
    if (files.empty() && !fallback.empty()) {
        files.emplace_back(fallback);
    }
    return files;
}

}  // namespace syspulse::cli
