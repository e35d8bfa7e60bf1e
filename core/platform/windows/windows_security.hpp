// Accounts and access lists: who we are, who may do what with a file, and what is ours alone.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {

// A copy of a SID.
class Sid {
  public:
    Sid() = default;
    explicit Sid(PSID sid);

    explicit operator bool() const noexcept { return !bytes_.empty(); }
    PSID get() const noexcept { return const_cast<std::byte*>(bytes_.data()); }
    bool operator==(const Sid& other) const noexcept;
    std::wstring text() const;  // S-1-5-...
    std::string name() const;   // DOMAIN\name, else the text.

  private:
    std::vector<std::byte> bytes_;
};

// The user that this process runs as; empty when the system does not tell.
Sid own_sid();
Sid system_sid();  // LocalSystem, which services run as.
// The administrators, the system and the installer of Windows own the machine anyhow; `sid` may
// also be us.
bool is_trusted(PSID sid);

// A security descriptor for new things that only we and the system may touch; `inherited` by what
// is made inside.
class OwnerOnly {
  public:
    static Result<OwnerOnly> make(bool inherited);
    SECURITY_ATTRIBUTES* attributes() noexcept { return &attributes_; }

    OwnerOnly(OwnerOnly&& other) noexcept
        : descriptor_(std::move(other.descriptor_)), attributes_(other.attributes_) {}

  private:
    struct Free {
        void operator()(void* memory) const noexcept { ::LocalFree(memory); }
    };
    OwnerOnly() = default;

    std::unique_ptr<void, Free> descriptor_;
    SECURITY_ATTRIBUTES attributes_{};
};

// Who has what on a file or directory.
struct FileAccess {
    Sid owner;
    bool open_to_all = false;  // There is no access list.
    struct Grant {
        Sid who;
        ACCESS_MASK mask = 0;
    };
    std::vector<Grant> grants;  // To the thing itself, not what is only inherited from it.
};
Result<FileAccess> file_access(const std::filesystem::path& path);

// Of those whom is_trusted() does not name, the first who has one of `rights`; empty if nobody has.
std::string who_else_may(const FileAccess& access, ACCESS_MASK rights);

}  // namespace syspulse::platform
