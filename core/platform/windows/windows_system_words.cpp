#include "platform/system_words.hpp"
#include "platform/windows/windows_api.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

std::string system_path() {
    wchar_t directory[MAX_PATH];
    const UINT size = ::GetSystemDirectoryW(directory, MAX_PATH);
    wchar_t windows[MAX_PATH];
    const UINT windows_size = ::GetWindowsDirectoryW(windows, MAX_PATH);
    return to_utf8({directory, size}) + ";" + to_utf8({windows, windows_size});
}

// Of the drive that SystemDrive names, which a manager may have been started without.
std::string system_root() {
    wchar_t windows[MAX_PATH];
    const UINT size = ::GetSystemWindowsDirectoryW(windows, MAX_PATH);
    return to_utf8(std::wstring_view{windows, size}.substr(0, 3));
}

}  // namespace

const SystemWords& system_words() {
    static const SystemWords words{
        .default_driver = "job",
        .shell = R"([cmd, /c, "..."])",
        .list_separator = ';',
        .default_path = system_path(),
        .inherited_variables = {"SystemRoot",
                                "SystemDrive",
                                "windir",
                                "ComSpec",
                                "PATHEXT",
                                "TEMP",
                                "TMP",
                                "ProgramData",
                                "ProgramFiles",
                                "ProgramFiles(x86)",
                                "CommonProgramFiles",
                                "PUBLIC",
                                "ALLUSERSPROFILE",
                                "APPDATA",
                                "LOCALAPPDATA",
                                "COMPUTERNAME",
                                "USERDOMAIN",
                                "OS",
                                "NUMBER_OF_PROCESSORS",
                                "PROCESSOR_ARCHITECTURE"},
        .user_refusal =
            "cannot run as another user on Windows: daemons run as the user of the "
            "manager; remove \"user\", or run a manager as that user",
        .stop_signals = {2, 9, 15},
        .signal_examples = "HUP or SIGINT",
        .drivers_elsewhere =
            {{"posix", "the driver posix needs Linux; on Windows use job, which is the default"},
             {"cgroup",
              "the driver cgroup needs Linux; on Windows use job, which confines a daemon "
              "with all that it starts"}},
        .cost_of_keeping = "what they write is lost until they are restarted",
        .exit_code_most = UINT32_MAX,
        .user_numbers = false,
        .windows_files = true,
        .root_directory = system_root()};
    return words;
}

std::vector<std::pair<std::string, std::string>> account_variables(const UserAccount& account) {
    const std::size_t backslash = account.name.rfind('\\');
    const std::string name =
        backslash == std::string::npos ? account.name : account.name.substr(backslash + 1);
    return {{"USERPROFILE", account.home}, {"USERNAME", name}};
}

}  // namespace syspulse::platform
