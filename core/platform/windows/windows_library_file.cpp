// What the loader of Windows would say with less words: whether a file is a DLL for this machine.
#include <array>
#include <cstring>
#include <fstream>
#include <string>

#include "platform/library_file.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {
namespace {

constexpr std::streamoff header_offset_at = 0x3C;  // Where the DOS header says where the other is.

template <typename T>
bool read_at(std::ifstream& file, std::streamoff offset, T& value) {
    file.seekg(offset);
    return static_cast<bool>(file.read(reinterpret_cast<char*>(&value), sizeof value));
}

Error refuse(const std::string& why) {
    return {ErrorCode::invalid_argument, why};
}

}  // namespace

const std::string_view library_extension = ".dll";

Result<void> check_library_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return Error{ErrorCode::not_found, "cannot read it"};
    std::array<char, 2> magic{};
    std::uint32_t header = 0;
    if (!read_at(file, 0, magic) || magic != std::array<char, 2>{'M', 'Z'}) {
        return refuse("not a DLL: it does not begin with MZ; build it for 64-bit Windows");
    }
    std::uint32_t signature = 0;
    IMAGE_FILE_HEADER coff{};
    if (!read_at(file, header_offset_at, header) || !read_at(file, header, signature) ||
        signature != IMAGE_NT_SIGNATURE || !read_at(file, header + sizeof signature, coff)) {
        return refuse("not a DLL: it has no PE header, or is cut off; copy it again");
    }
    if (coff.Machine != IMAGE_FILE_MACHINE_AMD64) {
        return refuse("its machine is " + std::to_string(coff.Machine) + ", expected " +
                      std::to_string(IMAGE_FILE_MACHINE_AMD64) +
                      " (x86-64); build it for 64-bit Windows");
    }
    if ((coff.Characteristics & IMAGE_FILE_DLL) == 0) {
        return refuse("it is a program and no DLL; build it as a shared library");
    }
    return {};
}

// A file that is loaded cannot be written to here.
Result<void> detach_library(void*) {
    return {};
}

}  // namespace syspulse::platform
