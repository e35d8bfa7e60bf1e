// Which controllers there are, found out without making anything.
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "cgroup/control_file.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/legacy_setting.hpp"
#include "cgroup/options.hpp"

namespace syspulse::plugins::cgroup {
namespace {

bool is_limit(std::string_view option) {
    return option.substr(0, 4) == "max_";
}

std::string pointer_of(const std::string& option) {
    return (is_limit(option) ? "/resource_limits/" : "/") + option;
}

// The deepest cgroup on the way to where runs get theirs that exists already.
std::string nearest(const Hierarchy& hierarchy, const std::string& parent) {
    std::string found = parent.empty() ? hierarchy.own : hierarchy.mount + '/' + parent;
    while (found.size() > hierarchy.mount.size() && !exists(found + "/cgroup.controllers"))
        found = parent_of(found);
    return found;
}

// Who may write to the top hands on whatever it has; others have what was handed on to them.
bool unified_offers(const Hierarchy& hierarchy, const std::string& parent,
                    std::string_view controller) {
    const bool rules = ::access((hierarchy.mount + "/cgroup.subtree_control").c_str(), W_OK) == 0;
    const std::string where = rules ? hierarchy.mount : nearest(hierarchy, parent);
    const auto text = read_control(where + "/cgroup.controllers").value_or("");
    const auto names = split(text, ' ');
    return std::find(names.begin(), names.end(), controller) != names.end();
}

}  // namespace

void check_controllers(const Options& options) {
    const auto hierarchies = find_hierarchies();
    for (const Setting& setting : options.settings) {
        const std::string legacy_name = setting.controller == "io" ? "blkio" : setting.controller;
        bool unified = false;
        bool legacy = false;
        for (const Hierarchy& hierarchy : hierarchies) {
            legacy = legacy || (!hierarchy.unified && hierarchy.has(legacy_name));
            unified = unified || (hierarchy.unified &&
                                  unified_offers(hierarchy, options.parent, setting.controller));
        }
        if (unified || (legacy && !legacy_setting(setting.file, setting.value).empty())) continue;
        throw sdk::Error{
            SYSP_E_CONFIG,
            pointer_of(setting.option) + ": the cgroup controller " + setting.controller +
                (legacy
                     ? " is of version 1 on this machine, and " + setting.file + " needs version 2"
                     : " is not available on this machine; mount it, or have it "
                       "handed on to the manager's cgroup")};
    }
}

}  // namespace syspulse::plugins::cgroup
