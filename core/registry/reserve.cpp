#include "registry/reserve.hpp"

#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

namespace syspulse::registry {
namespace {

namespace fs = std::filesystem;

// Enough for the states of a few hundred daemons with the index pages that they change.
constexpr std::size_t reserve_bytes = 512UL * 1024;

// With less than this left, what is recorded now needs the space more.
constexpr std::uintmax_t free_bytes_min = 2UL * 1024 * 1024;

// Nothing that a file system could store in less space.
std::string noise() {
    std::string bytes(reserve_bytes, '\0');
    std::uint64_t state = 1;
    for (char& byte : bytes) {
        state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
        byte = static_cast<char>(state >> 56U);
    }
    return bytes;
}

}  // namespace

Reserve::Reserve(fs::path file) : file_(std::move(file)) {
    std::error_code none;
    if (fs::file_size(file_, none) == reserve_bytes && !none) return;
    const auto space = fs::space(file_.parent_path(), none);
    if (none || space.available < free_bytes_min) return;
    std::ofstream out(file_, std::ios::binary | std::ios::trunc);
    out << noise();
    out.close();
    const bool written = out.good();
    fs::permissions(file_, fs::perms::owner_read | fs::perms::owner_write, none);
    // Half a reserve takes space from those that need it now.
    if (!written) give();
}

bool Reserve::give() {
    std::error_code failure;
    return fs::remove(file_, failure) && !failure;
}

}  // namespace syspulse::registry
