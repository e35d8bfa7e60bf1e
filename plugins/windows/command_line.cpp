#include "windows/command_line.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>

#include "windows/win32.hpp"

namespace syspulse::plugins::windows {
namespace {

namespace fs = std::filesystem;

// UNICODE_STRING counts 16-bit bytes, and the last of 32 767 characters is the zero.
constexpr std::size_t command_line_most = 32'766;
// Entries of PATH that an error names.
constexpr std::size_t shown_entries = 8;

// Backslashes mean themselves unless a quote follows; before a quote each is doubled, and the quote
// gets one more.
void append_quoted(std::wstring& line, const std::wstring& argument) {
    if (!argument.empty() && argument.find_first_of(L" \t\n\v\"") == std::wstring::npos) {
        line += argument;
        return;
    }
    line += L'"';
    std::size_t backslashes = 0;
    for (const wchar_t c : argument) {
        if (c == L'\\') {
            ++backslashes;
            continue;
        }
        line.append(c == L'"' ? 2 * backslashes + 1 : backslashes, L'\\');
        backslashes = 0;
        line += c;
    }
    line.append(2 * backslashes, L'\\');
    line += L'"';
}

// The first word is read by other rules: up to the next quote, whatever stands before it.
void append_program(std::wstring& line, const std::wstring& program) {
    if (program.find(L'"') != std::wstring::npos) {
        throw sdk::Error{SYSP_E_CONFIG,
                         "cannot run " + to_utf8(program) + ": a program's name holds no quote"};
    }
    line += L'"' + program + L'"';
}

std::wstring upper_case(std::wstring text) {
    ::CharUpperBuffW(text.data(), static_cast<DWORD>(text.size()));
    return text;
}

// Windows leaves out dots and spaces at the end of a name, and what follows a colon names a part of
// the file.
bool is_script(const fs::path& file) {
    const std::wstring path = file.lexically_normal().native();
    std::wstring name = path.substr(0, path.find_last_not_of(L"./\\ ") + 1);
    name = upper_case(name.substr(name.find_last_of(L"/\\") + 1));
    std::size_t end = name.find(L':', 2);  // The second is that of a drive.
    do {
        std::wstring part = name.substr(0, end);
        part.resize(part.find_last_not_of(L". ") + 1);
        if (part.ends_with(L".CMD") || part.ends_with(L".BAT")) return true;
        if (end == std::wstring::npos) return false;
        end = name.find(L':', end + 1);
    } while (true);
}

// A share, or a name that begins as the system's own do. The library takes both for names that lack
// a drive.
bool begins_with_two_separators(const fs::path& file) {
    return file.native().find_first_not_of(L"/\\") >= 2 && file.native().size() > 2;
}

// The same name as the system takes it at any length.
std::wstring marked_name(const fs::path& file) {
    std::error_code ignored;
    if (!begins_with_two_separators(file)) {
        fs::path whole = fs::absolute(file, ignored).lexically_normal();
        return L"\\\\?\\" + whole.make_preferred().native();
    }
    fs::path rest = fs::path(file.native().substr(2)).lexically_normal();
    const std::wstring preferred = rest.make_preferred().native();
    const bool is_marked = preferred.starts_with(L"?\\") || preferred.starts_with(L".\\");
    return (is_marked ? L"\\\\" : L"\\\\?\\UNC\\") + preferred;
}

bool is_file(const fs::path& file) {
    std::error_code ignored;
    if (file.native().size() < MAX_PATH) return fs::is_regular_file(file, ignored);
    const DWORD found = ::GetFileAttributesW(marked_name(file).c_str());
    return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

bool is_folder(const fs::path& file) {
    std::error_code ignored;
    if (file.native().size() < MAX_PATH) return fs::is_directory(file, ignored);
    const DWORD found = ::GetFileAttributesW(marked_name(file).c_str());
    return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

// Itself, or with .exe.
std::optional<fs::path> program_at(const fs::path& file) {
    if (is_file(file)) return file;
    fs::path longer = file;
    longer += L".exe";
    if (is_file(longer)) return longer;
    return std::nullopt;
}

std::optional<std::wstring> value_of(const std::vector<std::string>& env, std::wstring_view name) {
    std::optional<std::wstring> value;
    for (const std::string& entry : env) {
        const std::wstring wide = to_wide(entry);
        const auto equals = wide.find(L'=', 1);
        if (equals == std::wstring::npos || upper_case(wide.substr(0, equals)) != name) continue;
        value = wide.substr(equals + 1);
    }
    return value;
}

std::vector<std::wstring> split(const std::wstring& list) {
    std::vector<std::wstring> entries;
    std::size_t begin = 0;
    while (begin < list.size()) {
        const std::size_t end = std::min(list.find(L';', begin), list.size());
        if (end > begin) entries.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return entries;
}

std::string shown(const std::vector<std::wstring>& entries) {
    std::string text;
    for (std::size_t i = 0; i < std::min(entries.size(), shown_entries); ++i)
        text += (i == 0 ? "" : ";") + to_utf8(entries[i]);
    if (entries.size() <= shown_entries) return text;
    return text + ";... and " + std::to_string(entries.size() - shown_entries) + " more";
}

sdk::Error not_found(const std::string& name, const std::string& where) {
    return sdk::Error::win32(
        "cannot execute " + name + ": there is no such program" + where + " (stage exec)",
        ERROR_FILE_NOT_FOUND, false);
}

sdk::Error no_directory(const std::string& name) {
    return sdk::Error::win32(
        "cannot execute " + name + ": it is a directory; name the program in it (stage exec)",
        ERROR_DIRECTORY, false);
}

// A process cannot be begun from a longer path, which is not found then.
std::wstring startable(fs::path program) {
    const std::wstring path = program.make_preferred().native();
    if (path.size() < MAX_PATH) return path;
    throw sdk::Error{
        SYSP_E_CONFIG,
        "cannot execute " + to_utf8(path) + ": its path has " + std::to_string(path.size()) +
            " characters, Windows starts programs with at most " + std::to_string(MAX_PATH - 1) +
            "; put it into a directory with a shorter path (stage exec)"};
}

sdk::Error no_script(const std::string& what) {
    return sdk::Error{SYSP_E_CONFIG,
                      "cannot run " + what +
                          ": a .cmd or .bat file is run by cmd.exe, whose rules of quoting let an "
                          "argument become a command; write [cmd.exe, /d, /c, call, FILE, ...] if "
                          "that is wanted"};
}

}  // namespace

std::wstring command_line(const std::vector<std::string>& argv) {
    std::wstring line;
    for (std::size_t i = 0; i < argv.size(); ++i) {
        const std::wstring word = to_wide(argv[i]);
        if (word.find(L'\0') != std::wstring::npos)
            throw sdk::Error{SYSP_E_CONFIG, "cannot run it: an argument holds a zero character"};
        if (i == 0) {
            append_program(line, word);
        } else {
            line += L' ';
            append_quoted(line, word);
        }
    }
    if (line.size() > command_line_most) {
        throw sdk::Error{SYSP_E_CONFIG, "cannot run it: its command line has " +
                                            std::to_string(line.size()) +
                                            " characters, Windows takes 32766; put arguments into "
                                            "a file"};
    }
    return line;
}

std::wstring find_program(const std::string& name, const std::string& cwd,
                          const std::vector<std::string>& env) {
    const fs::path wanted = to_wide(name);
    if (is_script(wanted)) throw no_script(name);
    if (name.find_first_of("/\\:") != std::string::npos) {
        const bool is_whole = wanted.is_absolute() || begins_with_two_separators(wanted);
        const fs::path from = is_whole || cwd.empty() ? wanted : to_wide(cwd) / wanted;
        auto found = program_at(from);
        if (!found && is_folder(from)) throw no_directory(name);
        if (!found) throw not_found(name, "");
        return startable(*found);
    }
    const std::vector<std::wstring> places = split(value_of(env, L"PATH").value_or(L""));
    for (const std::wstring& place : places) {
        if (auto found = program_at(fs::path(place) / wanted)) return startable(*found);
    }
    for (const std::wstring& place : places) {
        for (const wchar_t* const extension : {L".cmd", L".bat"}) {
            const fs::path script = fs::path(place) / (wanted.native() + extension);
            if (is_file(script))
                throw no_script(name + ", which is " +
                                to_utf8(fs::path(script).make_preferred().native()));
        }
    }
    throw not_found(name, " in PATH (" + shown(places) + ")");
}

std::wstring environment_block(const std::vector<std::string>& env) {
    std::map<std::wstring, std::wstring>
        entries;  // By name in upper case, the order that Windows wants.
    for (const std::string& entry : env) {
        const std::wstring wide = to_wide(entry);
        const auto equals = wide.find(L'=', 1);
        if (equals == std::wstring::npos || wide.find(L'\0') != std::wstring::npos) continue;
        entries[upper_case(wide.substr(0, equals))] = wide;
    }
    // Winsock and the C library do not work without the first of them.
    for (const wchar_t* const name : {L"SystemRoot", L"SystemDrive", L"ComSpec", L"TEMP", L"TMP"}) {
        std::array<wchar_t, MAX_PATH> value{};
        const DWORD size =
            ::GetEnvironmentVariableW(name, value.data(), static_cast<DWORD>(value.size()));
        if (size == 0 || size >= value.size()) continue;
        entries.try_emplace(upper_case(name), std::wstring(name) + L"=" + value.data());
    }
    std::wstring block;
    for (const auto& [name, entry] : entries) block += entry + L'\0';
    return block + L'\0';
}

}  // namespace syspulse::plugins::windows
