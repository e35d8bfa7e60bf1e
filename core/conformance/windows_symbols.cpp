// Exports and imports of a DLL.
#include <windows.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "conformance/library_symbols.hpp"

namespace syspulse::conformance {
namespace {

Error broken() {
    return {ErrorCode::invalid_argument, "it is not a 64-bit DLL of this kind of machine"};
}

// Addresses are those of the loaded image, which the sections say how to find in the file.
class Image {
  public:
    explicit Image(std::string bytes) : bytes_(std::move(bytes)) {}

    template <class T>
    bool read(std::uint64_t at, T& value) const {
        if (at > bytes_.size() || bytes_.size() - at < sizeof value) return false;
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return true;
    }
    bool prepare(IMAGE_NT_HEADERS64& headers) {
        IMAGE_DOS_HEADER dos{};
        if (!read(0, dos) || dos.e_magic != IMAGE_DOS_SIGNATURE || dos.e_lfanew < 0) return false;
        const auto at = static_cast<std::uint64_t>(dos.e_lfanew);
        if (!read(at, headers) || headers.Signature != IMAGE_NT_SIGNATURE ||
            headers.OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR64_MAGIC) {
            return false;
        }
        std::uint64_t table = at + offsetof(IMAGE_NT_HEADERS64, OptionalHeader) +
                              headers.FileHeader.SizeOfOptionalHeader;
        for (unsigned i = 0; i < headers.FileHeader.NumberOfSections; ++i) {
            IMAGE_SECTION_HEADER section{};
            if (!read(table, section)) return false;
            sections_.push_back(section);
            table += sizeof section;
        }
        return true;
    }
    template <class T>
    bool load(std::uint64_t address, T& value) const {
        return read(offset(address), value);
    }
    std::string text(std::uint64_t address) const {
        const std::uint64_t at = offset(address);
        if (at >= bytes_.size()) return {};
        const std::size_t end = bytes_.find('\0', at);
        return bytes_.substr(at, end == std::string::npos ? end : end - at);
    }

  private:
    std::uint64_t offset(std::uint64_t address) const {
        for (const IMAGE_SECTION_HEADER& section : sections_) {
            if (address >= section.VirtualAddress &&
                address - section.VirtualAddress < section.SizeOfRawData) {
                return address - section.VirtualAddress + section.PointerToRawData;
            }
        }
        return bytes_.size();
    }

    std::string bytes_;
    std::vector<IMAGE_SECTION_HEADER> sections_;
};

bool add_exports(const Image& image, const IMAGE_DATA_DIRECTORY& directory, LibrarySymbols& found) {
    IMAGE_EXPORT_DIRECTORY exports{};
    if (directory.Size == 0) return true;
    if (!image.load(directory.VirtualAddress, exports)) return false;
    for (std::uint64_t i = 0; i < exports.NumberOfNames; ++i) {
        DWORD name = 0;
        if (!image.load(exports.AddressOfNames + i * sizeof name, name)) return false;
        found.exported.push_back(image.text(name));
    }
    return true;
}

void add_imports(const Image& image, const IMAGE_IMPORT_DESCRIPTOR& library,
                 LibrarySymbols& found) {
    std::uint64_t at = library.OriginalFirstThunk;
    for (ULONGLONG thunk = 0; image.load(at, thunk) && thunk != 0; at += sizeof thunk) {
        if (IMAGE_SNAP_BY_ORDINAL64(thunk)) continue;
        found.needed.push_back(image.text(thunk + offsetof(IMAGE_IMPORT_BY_NAME, Name)));
    }
}

}  // namespace

Result<LibrarySymbols> read_symbols(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    Image image({std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()});
    IMAGE_NT_HEADERS64 headers{};
    if (!image.prepare(headers)) return broken();
    const auto& directories = headers.OptionalHeader.DataDirectory;
    LibrarySymbols found;
    if (!add_exports(image, directories[IMAGE_DIRECTORY_ENTRY_EXPORT], found)) return broken();
    std::uint64_t at = directories[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    IMAGE_IMPORT_DESCRIPTOR library{};
    for (; image.load(at, library) && library.Name != 0; at += sizeof library) {
        found.libraries.push_back(image.text(library.Name));
        add_imports(image, library, found);
    }
    return found;
}

std::string oldest_system(const LibrarySymbols& symbols) {
    std::string text;
    for (const std::string& library : symbols.libraries)
        text += (text.empty() ? "needs " : ", ") + library;
    return text.empty() ? "needs no DLL" : text;
}

}  // namespace syspulse::conformance
