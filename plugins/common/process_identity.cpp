#include "common/process_identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>

#include "common/unique_fd.hpp"

namespace syspulse::plugins {
namespace {

constexpr std::size_t stat_limit = 4096;
constexpr auto pidfs_magic = 0x50494446;
constexpr std::size_t environment_limit = 2 * 1024 * 1024;

template <class Integer>
bool parse(std::string_view text, Integer& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string_view next_word(std::string_view& rest, char separator) {
    const auto at = rest.find(separator);
    const auto word = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
    return word;
}

bool has_word(std::string_view text, std::string_view wanted) {
    while (!text.empty()) {
        if (next_word(text, '\0') == wanted) return true;
    }
    return false;
}

}  // namespace

std::string read_small_file(const char* path, std::size_t limit) {
    const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
    std::string text;
    std::array<char, 4096> chunk;
    while (fd && text.size() < limit) {
        const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
        if (count <= 0) break;
        text.append(chunk.data(), static_cast<std::size_t>(count));
    }
    return text;
}

std::optional<ProcessStat> read_process_stat(pid_t pid) {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const std::string text = read_small_file(path.data(), stat_limit);
    const auto name_end = text.rfind(')');  // The name may hold spaces and brackets itself.
    if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
    std::string_view rest = std::string_view{text}.substr(name_end + 2);
    std::array<std::int64_t, 25> field{};  // By the numbers of proc(5).
    constexpr std::size_t environment_end = 51;
    ProcessStat stat;
    stat.state = next_word(rest, ' ').front();
    for (std::size_t i = 4; i < field.size(); ++i) {
        const auto word = next_word(rest, ' ');
        if (!parse(word, field[i])) return std::nullopt;
    }
    for (std::size_t i = field.size(); i < environment_end; ++i) next_word(rest, ' ');
    if (!parse(next_word(rest, ' '), stat.environment_end)) return std::nullopt;
    stat.parent = static_cast<pid_t>(field[4]);
    stat.group = static_cast<pid_t>(field[5]);
    stat.session = static_cast<pid_t>(field[6]);
    stat.cpu_ticks = static_cast<std::uint64_t>(field[14] + field[15] + field[16] + field[17]);
    constexpr std::int64_t is_ending = 0x4;  // The kernel's PF_EXITING.
    stat.ending = (field[9] & is_ending) != 0;
    stat.threads = static_cast<std::uint64_t>(field[20]);
    stat.start_ticks = static_cast<std::uint64_t>(field[22]);
    stat.rss_pages = static_cast<std::uint64_t>(field[24]);
    return stat;
}

std::string read_boot_id() {
    std::string id = read_small_file("/proc/sys/kernel/random/boot_id", stat_limit);
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
}

std::optional<bool> has_environment_entry(pid_t pid, std::string_view entry) {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/%d/environ", pid);
    // A second look, because exec may be over between two questions; an environment that is merely
    // empty stays so.
    for (int look = 0; look < 2; ++look) {
        const std::string text = read_small_file(path.data(), environment_limit);
        if (!text.empty()) return has_word(text, entry);
        if (::access(path.data(), R_OK) != 0) return false;
        const auto stat = read_process_stat(pid);
        if (!stat || stat->state == 'Z' || stat->state == 'X') return false;
        if (stat->environment_end == 0) return std::nullopt;
    }
    return false;
}

std::uint64_t pidfd_inode(int pidfd) {
    struct statfs system {};
    if (::fstatfs(pidfd, &system) != 0 || system.f_type != pidfs_magic) return 0;
    struct stat status {};
    return ::fstat(pidfd, &status) == 0 ? status.st_ino : 0;
}

std::string Identity::to_token() const {
    const std::string which =
        inode != 0 ? '@' + std::to_string(inode) : std::to_string(start_ticks);
    return std::to_string(pid) + '/' + which + '/' + boot_id;
}

std::optional<Identity> Identity::from_token(std::string_view token) {
    Identity result;
    if (!parse(next_word(token, '/'), result.pid) || result.pid <= 1) return std::nullopt;
    std::string_view which = next_word(token, '/');
    const bool by_inode = !which.empty() && which.front() == '@';
    if (by_inode) which.remove_prefix(1);
    if (!parse(which, by_inode ? result.inode : result.start_ticks)) return std::nullopt;
    result.boot_id = std::string(token);
    return result;
}

}  // namespace syspulse::plugins
