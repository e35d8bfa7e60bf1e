// How Windows reads names. Knows nothing of the system it runs on, so that every system can tell.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace syspulse::config {

// Equal for names that Windows takes for one. ASCII only.
std::string without_case(std::string_view name);

// Why a daemon's name, or another, cannot be that of a directory or a file there, and what to do;
// nothing if it can.
std::optional<std::string> windows_name_refusal(std::string_view name);

// Why no path of that text exists there: it holds a control character or a
// double quote.
std::optional<std::string> windows_path_refusal(std::string_view key, std::string_view path);

// Why the bundled driver does not run a program of that name: it is a file of commands.
std::optional<std::string> windows_program_refusal(std::string_view program);

// Whether it begins at the root of some drive and does not say of which.
bool is_without_drive(std::string_view path);

// Why a working directory means another one every time: it is relative to its drive.
std::optional<std::string> windows_drive_refusal(std::string_view path);

// Why a process cannot begin in a directory there, however it exists: the path is too long.
std::optional<std::string> windows_directory_refusal(std::string_view path);

// Names that must not differ in case only.
class WindowsNames {
  public:
    // Why the name cannot be beside those taken before; nothing if it can, or is one of them.
    std::optional<std::string> take(std::string_view name);

  private:
    std::map<std::string, std::string> taken_;
};

}  // namespace syspulse::config
