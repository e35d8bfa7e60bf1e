#include "cgroup/control_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "common/unique_fd.hpp"

namespace syspulse::plugins::cgroup {
namespace {

std::optional<std::uint64_t> to_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::string> read_control(const std::string& path) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return std::nullopt;
    std::string text;
    std::array<char, 16384> chunk;
    for (;;) {
        const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        text.append(chunk.data(), static_cast<std::size_t>(count));
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

int write_control(const std::string& path, std::string_view value) {
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd) return errno;
    while (::write(fd.get(), value.data(), value.size()) < 0) {
        if (errno != EINTR) return errno;
    }
    return 0;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
    const auto text = read_control(path);
    return text ? to_number(*text) : std::nullopt;
}

std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) {
    for (const std::string_view line : split(text, '\n')) {
        if (line.size() > key.size() && line[key.size()] == ' ' &&
            line.substr(0, key.size()) == key)
            return to_number(line.substr(key.size() + 1));
    }
    return std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = text.find(separator);
        if (end != 0) parts.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return parts;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

std::string parent_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

}  // namespace syspulse::plugins::cgroup
