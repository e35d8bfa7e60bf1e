#include "cgroup/hierarchy.hpp"

#include <algorithm>

#include "cgroup/control_file.hpp"

namespace syspulse::plugins::cgroup {
namespace {

struct Mount {
    bool unified = false;
    std::string root;  // Which cgroup of the hierarchy is mounted.
    std::string point;
    std::string options;
};

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

// "30 22 0:27 ROOT POINT opts [optional...] - TYPE source SUPER-OPTIONS", see proc(5).
std::vector<Mount> parse_mounts(std::string_view mountinfo) {
    std::vector<Mount> mounts;
    for (const std::string_view line : split(mountinfo, '\n')) {
        const auto dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        const auto before = split(line.substr(0, dash), ' ');
        const auto after = split(line.substr(dash + 3), ' ');
        if (before.size() < 5 || after.size() < 3) continue;
        if (after[0] != "cgroup" && after[0] != "cgroup2") continue;
        mounts.push_back({after[0] == "cgroup2", unescape(before[3]), unescape(before[4]),
                          std::string(after[2])});
    }
    return mounts;
}

// The directory of the cgroup `path` below a mount; the mount itself when it is out of its sight.
std::string directory_of(const Mount& mount, std::string_view path,
                         bool (*exists)(const std::string&)) {
    if (mount.root != "/" && path.substr(0, mount.root.size()) == mount.root)
        path.remove_prefix(mount.root.size());
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    std::string directory = mount.point + std::string(path);
    return exists(directory) ? directory : mount.point;
}

}  // namespace

bool Hierarchy::has(std::string_view controller) const {
    return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo, std::string_view cgroups,
                                         bool (*exists)(const std::string&)) {
    const auto mounts = parse_mounts(mountinfo);
    std::vector<Hierarchy> found;
    for (const std::string_view line : split(cgroups, '\n')) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        const std::string_view names = line.substr(first + 1, second - first - 1);
        const std::string_view path = line.substr(second + 1);
        Hierarchy hierarchy;
        hierarchy.unified = names.empty();
        for (const std::string_view name : split(names, ','))
            hierarchy.controllers.emplace_back(name);
        for (const Mount& mount : mounts) {
            if (mount.unified != hierarchy.unified || !exists(mount.point)) continue;
            const auto options = split(mount.options, ',');
            const bool same = std::all_of(
                hierarchy.controllers.begin(), hierarchy.controllers.end(), [&](const auto& name) {
                    return std::find(options.begin(), options.end(), name) != options.end();
                });
            if (!same) continue;
            hierarchy.mount = mount.point;
            hierarchy.own = directory_of(mount, path, exists);
            found.push_back(std::move(hierarchy));
            break;
        }
    }
    const auto named = [](const Hierarchy& h) {
        return !h.unified && h.controllers.front().find('=') != std::string::npos;
    };
    found.erase(std::remove_if(found.begin(), found.end(), named), found.end());
    return found;
}

std::vector<Hierarchy> find_hierarchies() {
    return parse_hierarchies(read_control("/proc/self/mountinfo").value_or(""),
                             read_control("/proc/self/cgroup").value_or(""), &cgroup::exists);
}

}  // namespace syspulse::plugins::cgroup
