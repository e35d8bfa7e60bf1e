#include "conformance/library_symbols.hpp"

#include <elf.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace syspulse::conformance {
namespace {

Error broken(const char* why) {
    return {ErrorCode::invalid_argument, why};
}

class Image {
  public:
    explicit Image(std::string bytes) : bytes_(std::move(bytes)) {}

    template <class T>
    bool read(std::uint64_t at, T& value) const {
        if (at > bytes_.size() || bytes_.size() - at < sizeof value) return false;
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return true;
    }
    std::string text(std::uint64_t at) const {
        if (at >= bytes_.size()) return {};
        const std::size_t end = bytes_.find('\0', at);
        return bytes_.substr(at, end == std::string::npos ? end : end - at);
    }

  private:
    std::string bytes_;
};

void add_symbols(const Image& image, const Elf64_Shdr& table, std::uint64_t names,
                 LibrarySymbols& found) {
    for (std::uint64_t at = sizeof(Elf64_Sym); at < table.sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol{};
        if (!image.read(table.sh_offset + at, symbol)) return;
        const std::string name = image.text(names + symbol.st_name);
        const unsigned bind = ELF64_ST_BIND(symbol.st_info);
        const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
        if (symbol.st_shndx == SHN_UNDEF) {
            if (!name.empty()) found.needed.push_back(name);
        } else if (bind != STB_LOCAL && visibility != STV_HIDDEN && symbol.st_shndx != SHN_ABS) {
            found.exported.push_back(name);
        }
    }
}

void add_versions(const Image& image, const Elf64_Shdr& strings, LibrarySymbols& found) {
    for (std::uint64_t at = 1; at < strings.sh_size;) {
        const std::string text = image.text(strings.sh_offset + at);
        if (text.starts_with("GLIBC_") || text.starts_with("GLIBCXX_") ||
            text.starts_with("CXXABI_")) {
            found.versions.push_back(text);
        }
        at += text.size() + 1;
    }
}

}  // namespace

Result<LibrarySymbols> read_symbols(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    const Image image({std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()});
    Elf64_Ehdr header{};
    if (!image.read(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64) {
        return broken("it is not a 64-bit ELF file");
    }
    constexpr const char* cut_off =
        "its tables are outside of the file, which is cut off or damaged";
    LibrarySymbols found;
    for (unsigned i = 0; i < header.e_shnum; ++i) {
        Elf64_Shdr section{};
        if (!image.read(header.e_shoff + i * sizeof section, section)) return broken(cut_off);
        if (section.sh_type != SHT_DYNSYM) continue;
        Elf64_Shdr strings{};
        if (!image.read(header.e_shoff + section.sh_link * sizeof strings, strings)) {
            return broken(cut_off);
        }
        add_symbols(image, section, strings.sh_offset, found);
        add_versions(image, strings, found);
    }
    return found;
}

std::string oldest_system(const LibrarySymbols& symbols) {
    std::string newest;
    for (const std::string prefix : {"GLIBC_", "GLIBCXX_"}) {
        std::pair<int, std::string> best{-1, ""};
        for (const std::string& version : symbols.versions) {
            if (!version.starts_with(prefix)) continue;
            // "2.34" and "3.4.30" order by their last number here.
            const int minor = std::atoi(version.c_str() + version.rfind('.') + 1);
            if (minor > best.first) best = {minor, version};
        }
        if (best.first >= 0) newest += (newest.empty() ? "" : ", ") + best.second;
    }
    return "needs " + (newest.empty() ? "nothing of glibc by version" : newest);
}

}  // namespace syspulse::conformance
