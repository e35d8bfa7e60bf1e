#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "platform/library_file.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"

namespace syspulse::platform {
namespace {

Error wrong(const std::string& field, const std::string& expected, const std::string& got) {
    return {ErrorCode::invalid_argument, field + ": expected " + expected + ", got " + got};
}

std::string machine_name(unsigned machine) {
    const std::string number = " (" + std::to_string(machine) + ")";
    switch (machine) {
        case EM_X86_64:
            return "x86-64" + number;
        case EM_AARCH64:
            return "aarch64" + number;
        case EM_386:
            return "x86" + number;
        case EM_ARM:
            return "arm" + number;
        case EM_RISCV:
            return "riscv" + number;
        default:
            return "machine" + number;
    }
}

Result<ElfW(Ehdr)> own_header() {
    ElfW(Ehdr) header{};
    const UniqueFd self{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
    if (!self || ::pread(self.get(), &header, sizeof header, 0) != sizeof header) {
        return os_error("cannot read /proc/self/exe");
    }
    return header;
}

// Where the last loaded byte lies in the file.
Result<std::uint64_t> loaded_end(int fd, const ElfW(Ehdr) & header) {
    std::uint64_t end = header.e_phoff + std::uint64_t{header.e_phnum} * sizeof(ElfW(Phdr));
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        ElfW(Phdr) part{};
        const auto at = static_cast<off_t>(header.e_phoff + i * sizeof part);
        if (::pread(fd, &part, sizeof part, at) != sizeof part) return end;
        if (part.p_type == PT_LOAD)
            end = std::max<std::uint64_t>(end, part.p_offset + part.p_filesz);
    }
    return end;
}

}  // namespace

const std::string_view library_extension = ".so";

Result<void> check_library_file(const std::filesystem::path& file) {
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return os_error("cannot open it");
    ElfW(Ehdr) header{};
    const auto got = ::pread(fd.get(), &header, sizeof header, 0);
    if (got != sizeof header) {
        return wrong("file size", "at least " + std::to_string(sizeof header) + " bytes",
                     std::to_string(status.st_size));
    }
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return wrong("file type", "a shared object (ELF)", "something else");
    }
    const auto own = own_header();
    if (!own) return own.error();
    if (header.e_machine != own->e_machine || header.e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        header.e_ident[EI_DATA] != own->e_ident[EI_DATA]) {
        return wrong("architecture", machine_name(own->e_machine), machine_name(header.e_machine));
    }
    if (header.e_type != ET_DYN) return wrong("file type", "a shared object", "another ELF file");
    const auto end = loaded_end(fd.get(), header);
    if (!end) return end.error();
    if (*end > static_cast<std::uint64_t>(status.st_size)) {
        return wrong("file size", "at least " + std::to_string(*end) + " bytes",
                     std::to_string(status.st_size) + ": it is truncated");
    }
    return {};
}

}  // namespace syspulse::platform
