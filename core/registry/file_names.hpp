// Names of the registry's files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace syspulse::registry {

// In UTF-8, as SQLite takes it and messages show it.
inline std::string name_of(const std::filesystem::path& file) {
    const auto text = file.u8string();
    return {text.begin(), text.end()};
}

// A sibling, such as "syspulse.db-wal".
inline std::filesystem::path with_suffix(std::filesystem::path file, std::string_view suffix) {
    file += suffix;
    return file;
}

}  // namespace syspulse::registry
