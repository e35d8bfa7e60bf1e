#include <array>

#include "platform/users.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

std::string variable(const wchar_t* name) {
    std::wstring value(::GetEnvironmentVariableW(name, nullptr, 0), L'\0');
    if (value.empty()) return {};
    value.resize(::GetEnvironmentVariableW(name, value.data(), static_cast<DWORD>(value.size())));
    return to_utf8(value);
}

}  // namespace

std::optional<UserAccount> find_user(const std::string& name) {
    const std::wstring wide = to_wide(name);
    std::array<std::byte, SECURITY_MAX_SID_SIZE> sid{};
    std::array<wchar_t, 256> domain{};
    auto sid_size = static_cast<DWORD>(sid.size());
    auto domain_size = static_cast<DWORD>(domain.size());
    SID_NAME_USE use{};
    if (::LookupAccountNameW(nullptr, wide.c_str(), sid.data(), &sid_size, domain.data(),
                             &domain_size, &use) == 0) {
        return std::nullopt;
    }
    return UserAccount{0, Sid(sid.data()).name(), {}, {}};
}

// Users have no numbers here, and nothing is given to them.
std::optional<std::uint32_t> user_number(const std::string&) {
    return std::nullopt;
}

// Nobody but the manager's own user can be run as; what is said of others comes before this is
// asked.
bool user_exists(const std::string& user) {
    return find_user(user).has_value();
}

// An elevated administrator or the system: whoever can change everything.
bool is_root(const std::string& user) {
    if (!user.empty()) return false;
    if (own_sid() == system_sid()) return true;
    HANDLE opened = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &opened) == 0) return false;
    const UniqueHandle token(opened);
    TOKEN_ELEVATION elevation{};
    DWORD size = 0;
    return ::GetTokenInformation(token.get(), TokenElevation, &elevation, sizeof elevation,
                                 &size) != 0 &&
           elevation.TokenIsElevated != 0;
}

bool may_become(const std::string& user) {
    return user_exists(user);
}

std::optional<UserAccount> current_user() {
    const Sid own = own_sid();
    if (!own) return std::nullopt;
    return UserAccount{0, own.name(), variable(L"USERPROFILE"), variable(L"ComSpec")};
}

}  // namespace syspulse::platform
