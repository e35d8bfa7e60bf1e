#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "platform/library_file.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"

namespace syspulse::platform {
namespace {

struct Range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    int protection = PROT_NONE;
};

// The pages of one library that its file is behind.
struct Library {
    std::uintptr_t base = 0;
    std::vector<Range> parts;
};

int collect_parts(dl_phdr_info* info, std::size_t, void* data) {
    Library& library = *static_cast<Library*>(data);
    if (info->dlpi_addr != library.base) return 0;
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        if (part.p_type != PT_LOAD || part.p_filesz == 0) continue;
        const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
        const std::uintptr_t end = begin + part.p_filesz;
        library.parts.push_back({begin / page * page, (end + page - 1) / page * page, 0});
    }
    return 1;
}

// A line of /proc/self/maps: "begin-end rwxp offset major:minor inode path". Nothing of memory that
// no file is behind.
bool read_line(std::string_view line, Range& range) {
    const char* const end = line.data() + line.size();
    auto number = std::from_chars(line.data(), end, range.begin, 16);
    if (number.ec != std::errc{} || number.ptr == end) return false;
    number = std::from_chars(number.ptr + 1, end, range.end, 16);
    if (number.ec != std::errc{} || end - number.ptr < 5) return false;
    const std::string_view rest(number.ptr + 1, static_cast<std::size_t>(end - number.ptr - 1));
    range.protection = (rest[0] == 'r' ? PROT_READ : 0) | (rest[1] == 'w' ? PROT_WRITE : 0) |
                       (rest[2] == 'x' ? PROT_EXEC : 0);
    return rest.find('/') != std::string_view::npos;
}

// What is mapped of the library as it is now: relocation has changed the protection of some.
std::vector<Range> mapped(const Library& library) {
    std::vector<Range> found;
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line)) {
        Range whole;
        if (!read_line(line, whole) || (whole.protection & PROT_READ) == 0) continue;
        for (const Range& part : library.parts) {
            const Range common{std::max(whole.begin, part.begin), std::min(whole.end, part.end),
                               whole.protection};
            if (common.begin < common.end) found.push_back(common);
        }
    }
    return found;
}

// Memory with the contents of a range, not in its place yet.
class Copy {
  public:
    explicit Copy(const Range& range) : range_(range) {}
    ~Copy() {
        if (memory_ != MAP_FAILED) ::munmap(memory_, size());
    }
    Copy(Copy&& other) noexcept : range_(other.range_), memory_(other.memory_) {
        other.memory_ = MAP_FAILED;
    }
    Copy(const Copy&) = delete;
    Copy& operator=(const Copy&) = delete;

    // Through the kernel: what lies between a sanitized library's variables must not be read.
    bool fill(int own_memory) {
        memory_ =
            ::mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) return false;
        for (std::size_t done = 0; done < size();) {
            const ssize_t got = ::pread(own_memory, static_cast<char*>(memory_) + done,
                                        size() - done, static_cast<off_t>(range_.begin + done));
            if (got <= 0) return false;
            done += static_cast<std::size_t>(got);
        }
        return ::mprotect(memory_, size(), range_.protection) == 0;
    }
    bool put_in_place() {
        void* const place = reinterpret_cast<void*>(range_.begin);
        if (::mremap(memory_, size(), size(), MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
            return false;
        }
        memory_ = MAP_FAILED;
        __builtin___clear_cache(reinterpret_cast<char*>(range_.begin),
                                reinterpret_cast<char*>(range_.end));
        return true;
    }

  private:
    std::size_t size() const { return range_.end - range_.begin; }

    Range range_;
    void* memory_ = MAP_FAILED;
};

}  // namespace

Result<void> detach_library(void* handle) {
    const link_map* loaded = nullptr;
    if (::dlinfo(handle, RTLD_DI_LINKMAP, &loaded) != 0 || loaded == nullptr) {
        return Error{ErrorCode::internal, "the loader does not tell where it is"};
    }
    Library library{loaded->l_addr, {}};
    ::dl_iterate_phdr(collect_parts, &library);
    const UniqueFd own_memory{::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)};
    if (!own_memory) return os_error("cannot read /proc/self/mem");
    std::vector<Copy> copies;
    for (const Range& range : mapped(library)) {
        copies.emplace_back(range);
        if (!copies.back().fill(own_memory.get())) return os_error("cannot copy it");
    }
    for (Copy& copy : copies) {
        if (!copy.put_in_place()) return os_error("cannot put the copy in its place");
    }
    return {};
}

}  // namespace syspulse::platform
