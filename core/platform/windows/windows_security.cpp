#include "platform/windows/windows_security.hpp"

#include <aclapi.h>
#include <sddl.h>

#include <array>

#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

// NT SERVICE\TrustedInstaller, which owns what comes with Windows.
constexpr const wchar_t* installer_text =
    L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

Sid well_known(WELL_KNOWN_SID_TYPE type) {
    std::array<std::byte, SECURITY_MAX_SID_SIZE> bytes{};
    auto size = static_cast<DWORD>(bytes.size());
    if (::CreateWellKnownSid(type, nullptr, bytes.data(), &size) == 0) return {};
    return Sid(bytes.data());
}

bool is_installer(PSID sid) {
    return Sid(sid).text() == installer_text;
}

}  // namespace

Sid::Sid(PSID sid) {
    if (sid == nullptr || ::IsValidSid(sid) == 0) return;
    bytes_.resize(::GetLengthSid(sid));
    ::CopySid(static_cast<DWORD>(bytes_.size()), bytes_.data(), sid);
}

bool Sid::operator==(const Sid& other) const noexcept {
    return !bytes_.empty() && !other.bytes_.empty() && ::EqualSid(get(), other.get()) != 0;
}

std::wstring Sid::text() const {
    wchar_t* text = nullptr;
    if (bytes_.empty() || ::ConvertSidToStringSidW(get(), &text) == 0) return {};
    std::wstring copy = text;
    ::LocalFree(text);
    return copy;
}

std::string Sid::name() const {
    wchar_t name[256];
    wchar_t domain[256];
    auto name_size = static_cast<DWORD>(std::size(name));
    auto domain_size = static_cast<DWORD>(std::size(domain));
    SID_NAME_USE use{};
    if (bytes_.empty() ||
        ::LookupAccountSidW(nullptr, get(), name, &name_size, domain, &domain_size, &use) == 0) {
        return to_utf8(text());
    }
    const std::string plain = to_utf8(name);
    return domain[0] == L'\0' ? plain : to_utf8(domain) + "\\" + plain;
}

Sid own_sid() {
    HANDLE opened = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &opened) == 0) return {};
    const UniqueHandle token(opened);
    alignas(TOKEN_USER) std::array<std::byte, sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE> bytes{};
    DWORD size = 0;
    if (::GetTokenInformation(token.get(), TokenUser, bytes.data(),
                              static_cast<DWORD>(bytes.size()), &size) == 0) {
        return {};
    }
    return Sid(reinterpret_cast<const TOKEN_USER*>(bytes.data())->User.Sid);
}

Sid system_sid() {
    return well_known(WinLocalSystemSid);
}

bool is_trusted(PSID sid) {
    if (::IsWellKnownSid(sid, WinLocalSystemSid) != 0 ||
        ::IsWellKnownSid(sid, WinBuiltinAdministratorsSid) != 0 ||
        ::IsWellKnownSid(sid, WinCreatorOwnerSid) != 0 ||
        ::IsWellKnownSid(sid, WinCreatorOwnerRightsSid) != 0) {
        return true;
    }
    return Sid(sid) == own_sid() || is_installer(sid);
}

// O: is the owner, without which an administrator's things belong to all administrators. D:P takes
// nothing from the directory above; FA is all access, OICI hands it on to files and directories.
// What belongs to the system itself is for the administrators, too, who could not talk to a service
// otherwise.
Result<OwnerOnly> OwnerOnly::make(bool inherited) {
    const std::wstring flags = inherited ? L"OICI" : L"";
    const Sid self = own_sid();
    const std::wstring user = self.text();
    if (user.empty()) return Error{ErrorCode::internal, "cannot tell which user this process has"};
    std::wstring text =
        L"O:" + user + L"D:P(A;" + flags + L";FA;;;" + user + L")(A;" + flags + L";FA;;;SY)";
    if (self == system_sid()) text += L"(A;" + flags + L";FA;;;BA)";
    PSECURITY_DESCRIPTOR made = nullptr;
    if (::ConvertStringSecurityDescriptorToSecurityDescriptorW(text.c_str(), SDDL_REVISION_1, &made,
                                                               nullptr) == 0) {
        return os_error("cannot make an access list");
    }
    OwnerOnly result;
    result.descriptor_.reset(made);
    result.attributes_ = {sizeof(SECURITY_ATTRIBUTES), made, FALSE};
    return result;
}

Result<FileAccess> file_access(const std::filesystem::path& path) {
    PSID owner = nullptr;
    PACL list = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    std::wstring name = long_path(path);
    const DWORD failed = ::GetNamedSecurityInfoW(
        name.data(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner,
        nullptr, &list, nullptr, &descriptor);
    if (failed != ERROR_SUCCESS) return os_error("cannot read its access list", failed);
    FileAccess access;
    access.owner = Sid(owner);
    access.open_to_all = list == nullptr;
    for (DWORD i = 0; list != nullptr && i < list->AceCount; ++i) {
        void* entry = nullptr;
        if (::GetAce(list, i, &entry) == 0) continue;
        const auto* const header = static_cast<const ACE_HEADER*>(entry);
        if (header->AceType != ACCESS_ALLOWED_ACE_TYPE) continue;
        if ((header->AceFlags & INHERIT_ONLY_ACE) != 0) continue;
        auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
        access.grants.push_back({Sid(&allowed->SidStart), allowed->Mask});
    }
    ::LocalFree(descriptor);
    return access;
}

std::string who_else_may(const FileAccess& access, ACCESS_MASK rights) {
    if (access.open_to_all) return "everybody";
    for (const FileAccess::Grant& grant : access.grants) {
        const ACCESS_MASK wanted = rights | GENERIC_WRITE | GENERIC_ALL;
        if ((grant.mask & wanted) != 0 && !is_trusted(grant.who.get())) return grant.who.name();
    }
    return {};
}

}  // namespace syspulse::platform
