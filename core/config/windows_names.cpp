#include "config/windows_names.hpp"

#include <algorithm>
#include <array>

namespace syspulse::config {
namespace {

// MAX_PATH without the backslash and the zero that Windows puts behind.
constexpr std::size_t directory_most = 258;

// In UTF-16, in which Windows counts: two for what takes four bytes in UTF-8.
std::size_t utf16_length(std::string_view text) {
    std::size_t length = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0U) != 0x80U) length += byte >= 0xF0U ? 2 : 1;
    }
    return length;
}

bool is_separator(char c) {
    return c == '/' || c == '\\';
}

bool is_numbered_device(std::string_view stem) {
    return stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) &&
           stem.back() >= '0' && stem.back() <= '9';
}

// In every directory, and whatever follows the first dot.
bool is_device(std::string_view name) {
    static constexpr std::array<std::string_view, 4> devices{"con", "prn", "aux", "nul"};
    const std::string stem = without_case(name.substr(0, name.find('.')));
    return is_numbered_device(stem) ||
           std::find(devices.begin(), devices.end(), stem) != devices.end();
}

}  // namespace

std::string without_case(std::string_view name) {
    std::string lower(name);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

std::optional<std::string> windows_name_refusal(std::string_view name) {
    const std::string quoted = '"' + std::string(name) + '"';
    if (is_device(name))
        return quoted +
               " is the name of a device on Windows, where no files can be: "
               "choose another name";
    if (name.ends_with('.'))
        return quoted +
               " ends with a dot, which Windows leaves out of the names of files: "
               "choose another name";
    return std::nullopt;
}

std::optional<std::string> windows_program_refusal(std::string_view program) {
    const std::string name = without_case(program.substr(0, program.find_last_not_of(". ") + 1));
    if (!name.ends_with(".bat") && !name.ends_with(".cmd")) return std::nullopt;
    return "a .cmd or .bat file is run by cmd.exe, whose rules of quoting let an argument become a "
           "command: write [cmd.exe, /d, /c, call, FILE, ...] if that is wanted";
}

std::optional<std::string> windows_path_refusal(std::string_view key, std::string_view path) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    if (std::none_of(path.begin(), path.end(), control)) {
        if (path.find('"') == std::string_view::npos) return std::nullopt;
        return '"' + std::string(key) +
               "\" holds a double quote, which no path on Windows does: leave it out, as a path "
               "with blanks needs no quotes here";
    }
    return '"' + std::string(key) +
           "\" holds a control character, which no path on Windows does: between double quotes a "
           "backslash with a letter means one (\\t, \\n); write single quotes, or /";
}

bool is_without_drive(std::string_view path) {
    return !path.empty() && is_separator(path[0]) && (path.size() == 1 || !is_separator(path[1]));
}

std::optional<std::string> windows_drive_refusal(std::string_view path) {
    const bool of_a_drive = path.size() > 1 && path[1] == ':';
    if (!of_a_drive || (path.size() > 2 && is_separator(path[2]))) return std::nullopt;
    return "\"working_dir\" names a drive and no whole path on it, found \"" + std::string(path) +
           "\": write \"" + std::string(path.substr(0, 2)) + '/' + std::string(path.substr(2)) +
           '"';
}

std::optional<std::string> windows_directory_refusal(std::string_view path) {
    const std::size_t length = utf16_length(path);
    if (length <= directory_most) return std::nullopt;
    return "\"working_dir\" has " + std::to_string(length) +
           " characters, and a process on Windows begins in a directory of at most " +
           std::to_string(directory_most) + ": choose a shorter path";
}

std::optional<std::string> WindowsNames::take(std::string_view name) {
    const std::string& other = taken_.emplace(without_case(name), name).first->second;
    if (other == name) return std::nullopt;
    return "the names \"" + std::string(name) + "\" and \"" + other +
           "\" differ in case only, which for Windows is no difference: use one of them";
}

}  // namespace syspulse::config
