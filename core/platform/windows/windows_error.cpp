#include "platform/windows/windows_error.hpp"

#include <string>
#include <string_view>

#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

ErrorCode code_of(DWORD number) {
    switch (number) {
        case ERROR_ACCESS_DENIED:
        case ERROR_PRIVILEGE_NOT_HELD:
        case ERROR_WRITE_PROTECT:
            return ErrorCode::permission_denied;
        case ERROR_FILE_NOT_FOUND:
        case ERROR_PATH_NOT_FOUND:
        case ERROR_BAD_NETPATH:
        case ERROR_INVALID_DRIVE:
            return ErrorCode::not_found;
        case ERROR_ALREADY_EXISTS:
        case ERROR_FILE_EXISTS:
            return ErrorCode::already_exists;
        case ERROR_INVALID_PARAMETER:
        case ERROR_INVALID_NAME:
        case ERROR_FILENAME_EXCED_RANGE:
        case ERROR_DIRECTORY:
            return ErrorCode::invalid_argument;
        case ERROR_NOT_SUPPORTED:
        case ERROR_CALL_NOT_IMPLEMENTED:
        case ERROR_INVALID_FUNCTION:
            return ErrorCode::unsupported;
        case ERROR_DISK_FULL:
        case ERROR_HANDLE_DISK_FULL:
        case ERROR_TOO_MANY_OPEN_FILES:
        case ERROR_NO_SYSTEM_RESOURCES:
        case ERROR_SHARING_VIOLATION:
        case ERROR_LOCK_VIOLATION:
            return ErrorCode::unavailable;
        default:
            return ErrorCode::internal;
    }
}

}  // namespace

std::string os_message(DWORD number) {
    wchar_t text[512];
    DWORD size = ::FormatMessageW(
        FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
        nullptr, number, 0, text, static_cast<DWORD>(std::size(text)), nullptr);
    while (size > 0 && (text[size - 1] <= L' ' || text[size - 1] == L'.')) --size;
    if (size == 0) return "unknown error";
    std::string message = to_utf8({text, size});
    // For the name of a file, which whoever asks has said already.
    constexpr std::string_view place = "%1";
    for (auto at = message.find(place); at != std::string::npos; at = message.find(place))
        message.replace(at, place.size(), "the file");
    return message;
}

Error os_error(std::string_view what, DWORD number) {
    return Error{code_of(number),
                 os_message(number) + " (Windows error " + std::to_string(number) + ")"}
        .with(what);
}

}  // namespace syspulse::platform
