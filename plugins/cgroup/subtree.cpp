#include "cgroup/subtree.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <syspulse/plugin.hpp>

#include "cgroup/control_file.hpp"

namespace syspulse::plugins::cgroup {
namespace {

constexpr std::array wanted_controllers{"memory", "cpu", "pids", "io", "cpuset"};
constexpr std::array delegation_marks{"user.delegate", "trusted.delegate"};
constexpr const char* how_to_get_one =
    "; run the manager as a systemd unit with Delegate=yes, or as `systemd-run --user --scope -p "
    "Delegate=yes syspulse daemon`, or name a writable cgroup in the option parent";

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

bool is_real_root(const std::string& directory) {
    return !exists(directory + "/cgroup.type");
}

// systemd marks what it delegates; what belongs to an unprivileged user was handed over as well.
bool is_delegated(const std::string& directory) {
    for (const char* mark : delegation_marks) {
        char value = 0;
        if (::getxattr(directory.c_str(), mark, &value, 1) == 1 && value == '1') return true;
    }
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) return false;
    return ::geteuid() != 0 && status.st_uid == ::geteuid();
}

bool systemd_rules() {
    return exists("/run/systemd/system");
}

// Whether runs can get cgroups in this one, which may have to be made first.
bool is_usable(const std::string& base) {
    return ::access((exists(base) ? base : parent_of(base)).c_str(), W_OK) == 0;
}

void make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return;
    const int error = errno;
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    throw sdk::Error::os("cannot create the cgroup " + path, error, denied ? how_to_get_one : "");
}

// Moves every process of the cgroup into a leaf below it, so that it may have children with
// controllers. Processes that end meanwhile are no failure; new ones are found by another look.
void empty_into_leaf(const std::string& directory) {
    const std::string leaf = directory + '/' + std::string(manager_leaf);
    make_directory(leaf);
    for (int look = 0; look < 5; ++look) {
        const auto processes = read_control(directory + "/cgroup.procs");
        if (!processes || processes->empty()) return;
        for (const std::string_view pid : split(*processes, '\n')) {
            const int error = write_control(leaf + "/cgroup.procs", pid);
            if (error == 0 || error == ESRCH) continue;
            throw sdk::Error::os(
                "cannot move process " + std::string(pid) + " into the cgroup " + leaf, error,
                how_to_get_one);
        }
    }
}

// Whether it is about rights, which another process may have, is in the status.
sdk::Error cannot_create_in(const std::string& base, int error) {
    const auto told = sdk::Error::os("cannot create cgroups in " + base, error, how_to_get_one);
    if (error != EACCES && error != EPERM && error != EROFS) return told;
    return {SYSP_E_DENIED, told.what()};
}

std::vector<Hierarchy> mounted_hierarchies() {
    auto hierarchies = find_hierarchies();
    if (!hierarchies.empty()) return hierarchies;
    throw sdk::Error{SYSP_E_UNSUPPORTED,
                     "cannot confine processes: no cgroup hierarchy is mounted; mount one with "
                     "`mount -t cgroup2 none /sys/fs/cgroup`"};
}

// Where runs get their cgroups, found without making anything.
std::string find_unified(const Hierarchy& hierarchy) {
    std::string own = hierarchy.own;
    // A manager that was started from within its leaf, after an earlier one had moved there.
    if (base_name(own) == manager_leaf) own = parent_of(own);
    if (is_real_root(own)) return own + '/' + std::string(found_place);
    if (is_delegated(own) || own == hierarchy.mount) return own;
    if (::geteuid() == 0 && !systemd_rules())
        return hierarchy.mount + '/' + std::string(found_place);
    throw sdk::Error{SYSP_E_DENIED, "cannot confine processes: the cgroup " + own +
                                        " is not delegated to the manager" + how_to_get_one};
}

// The same of version 1, by controller.
std::map<std::string, std::string> legacy_bases(const std::vector<Hierarchy>& hierarchies,
                                                const std::string& parent) {
    std::map<std::string, std::string> bases;
    for (const Hierarchy& hierarchy : hierarchies) {
        if (hierarchy.unified) continue;
        const std::string base = parent.empty() ? hierarchy.own + '/' + std::string(found_place)
                                                : hierarchy.mount + '/' + parent;
        for (const std::string& name : hierarchy.controllers) {
            bases[name == "blkio" ? "io" : name] = base;
        }
    }
    return bases;
}

// The one of version 1 that tells which processes belong to a run.
std::string tracking_controller(const std::map<std::string, std::string>& legacy) {
    for (const char* controller : {"freezer", "pids", "memory", "cpu"}) {
        if (legacy.count(controller) != 0) return controller;
    }
    throw sdk::Error{
        SYSP_E_UNSUPPORTED,
        "cannot confine processes: of version 1 none of the cgroup controllers freezer, "
        "pids, memory and cpu is mounted"};
}

}  // namespace

Subtree::Subtree(const std::string& parent) : ours_(parent.empty()) {
    const auto hierarchies = mounted_hierarchies();
    legacy_ = legacy_bases(hierarchies, parent);
    for (const Hierarchy& hierarchy : hierarchies) {
        if (hierarchy.unified) prepare_unified(hierarchy, parent);
    }
    tracking_ = "";
    if (!unified_.empty()) return;
    tracking_ = use_legacy(tracking_controller(legacy_), "driver");
}

void Subtree::check(const std::string& parent) {
    const auto hierarchies = mounted_hierarchies();
    bool unified = false;
    for (const Hierarchy& hierarchy : hierarchies) {
        if (!hierarchy.unified) continue;
        unified = true;
        const std::string base =
            parent.empty() ? find_unified(hierarchy) : hierarchy.mount + '/' + parent;
        if (!is_usable(base)) throw cannot_create_in(base, errno);
    }
    if (unified) return;
    const auto legacy = legacy_bases(hierarchies, parent);
    const std::string& base = legacy.at(tracking_controller(legacy));
    if (!is_usable(base)) throw cannot_create_in(base, errno);
}

// The kernel refuses to remove a cgroup that has others below it, and so what other managers use.
Subtree::~Subtree() {
    if (!ours_) return;
    for (const auto& [key, base] : bases_) {
        if (!key.empty() || made_) (void)::rmdir(base.c_str());
    }
}

bool Subtree::stands() const {
    return std::all_of(bases_.begin(), bases_.end(),
                       [](const auto& base) { return exists(base.second); });
}

void Subtree::prepare_unified(const Hierarchy& hierarchy, const std::string& parent) {
    std::string own = hierarchy.own;
    if (base_name(own) == manager_leaf) own = parent_of(own);
    if (parent.empty()) {
        unified_ = find_unified(hierarchy);
    } else {
        unified_ = hierarchy.mount + '/' + parent;
    }
    made_ = unified_ != own;
    if (made_) make_directory(unified_);
    if (::access(unified_.c_str(), W_OK) != 0) {
        throw cannot_create_in(unified_, errno);
    }
    if (unified_ == own && !is_real_root(own)) empty_into_leaf(own);
    enable_controllers();
    bases_[""] = unified_;
}

// From the mount point down, because a cgroup has only those controllers that its parent hands on.
// What cannot be enabled is missed later, by the run that needs it.
void Subtree::enable_controllers() {
    std::vector<std::string> chain{unified_};
    while (exists(parent_of(chain.back()) + "/cgroup.controllers")) {
        chain.push_back(parent_of(chain.back()));
    }
    std::reverse(chain.begin(), chain.end());
    for (const std::string& directory : chain) {
        for (const char* controller : wanted_controllers) {
            (void)write_control(directory + "/cgroup.subtree_control",
                                std::string("+") + controller);
        }
    }
    enabled_.clear();
    const auto text = read_control(unified_ + "/cgroup.subtree_control").value_or("");
    for (const std::string_view name : split(text, ' ')) enabled_.emplace_back(name);
}

bool Subtree::unified_has(std::string_view controller) const {
    return std::find(enabled_.begin(), enabled_.end(), controller) != enabled_.end();
}

// Makes the base of a version 1 hierarchy. A new cpuset is empty, and nothing may enter an empty
// one, so it starts with what its parent has.
std::string Subtree::use_legacy(const std::string& controller, const std::string& option) {
    const auto found = legacy_.find(controller);
    if (found == legacy_.end() || !is_usable(found->second)) {
        const std::string where = found != legacy_.end()
                                      ? "writable: cgroups cannot be created in " + found->second
                                  : has_unified() ? "available in " + unified_
                                                  : "available on this machine";
        throw sdk::Error{SYSP_E_CONFIG, "cannot apply " + option + ": the cgroup controller " +
                                            controller + " is not " + where + how_to_get_one};
    }
    make_directory(found->second);
    if (controller == "cpuset") {
        for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
            const auto inherited = read_control(parent_of(found->second) + file);
            const bool empty = read_control(found->second + file).value_or("").empty();
            if (inherited && empty) (void)write_control(found->second + file, *inherited);
        }
    }
    bases_[controller] = found->second;
    return controller;
}

const std::string* Subtree::base_of(const std::string& controller) const {
    const auto found = bases_.find(unified_has(controller) ? "" : controller);
    return found == bases_.end() ? nullptr : &found->second;
}

std::map<std::string, std::string> Subtree::bases_for(const std::vector<Need>& needs) {
    if (made_ && !exists(unified_)) {
        make_directory(unified_);
        enable_controllers();
    }
    if (!tracking_.empty()) (void)use_legacy(tracking_, "driver");
    std::map<std::string, std::string> result;
    result[tracking_] = bases_.at(tracking_);
    for (const Need& need : needs) {
        if (unified_has(need.controller)) continue;
        const std::string key = use_legacy(need.controller, need.option);
        result[key] = bases_.at(key);
    }
    // Peak memory, kills for want of memory and CPU time are worth knowing without a limit, too.
    for (const char* controller : {"memory", "cpuacct"}) {
        const bool known =
            unified_has(controller) || (has_unified() && std::string_view{controller} == "cpuacct");
        const auto found = legacy_.find(controller);
        if (known || found == legacy_.end()) continue;
        if (!is_usable(found->second)) continue;
        const std::string key = use_legacy(controller, controller);
        result[key] = bases_.at(key);
    }
    return result;
}

std::map<std::string, std::string> Subtree::places() const {
    std::map<std::string, std::string> result = legacy_;
    if (has_unified()) result[""] = unified_;
    return result;
}

}  // namespace syspulse::plugins::cgroup
