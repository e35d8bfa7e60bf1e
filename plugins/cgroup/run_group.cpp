#include "cgroup/run_group.hpp"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include <syspulse/plugin.hpp>

#include "cgroup/control_file.hpp"
#include "cgroup/legacy_setting.hpp"

namespace syspulse::plugins::cgroup {
namespace {

void add_processes(const std::string& directory, std::vector<pid_t>& found) {
    const auto text = read_control(directory + "/cgroup.procs").value_or("");
    for (const std::string_view word : split(text, '\n')) {
        pid_t pid = 0;
        std::from_chars(word.data(), word.data() + word.size(), pid);
        if (pid > 0) found.push_back(pid);
    }
}

// The directory and all below it, the deepest first.
void walk(const std::string& directory, std::vector<std::string>& found) {
    const std::unique_ptr<DIR, int (*)(DIR*)> opened{::opendir(directory.c_str()), &::closedir};
    if (!opened) return;
    while (const dirent* entry = ::readdir(opened.get())) {
        const std::string_view name = entry->d_name;
        if (entry->d_type == DT_DIR && name != "." && name != "..")
            walk(directory + '/' + std::string(name), found);
    }
    found.push_back(directory);
}

std::vector<std::string> all_below(const std::string& directory) {
    std::vector<std::string> found;
    walk(directory, found);
    return found;
}

}  // namespace

RunGroup::RunGroup(std::map<std::string, std::string> directories)
    : directories_(std::move(directories)) {
    for (const char* key : {"", "freezer", "pids", "memory", "cpu"}) {
        const auto found = directories_.find(key);
        if (found == directories_.end()) continue;
        tracking_ = found->second;
        return;
    }
}

RunGroup RunGroup::create(const std::map<std::string, std::string>& bases,
                          const std::string& name) {
    std::map<std::string, std::string> made;
    for (const auto& [key, base] : bases) {
        const std::string directory = base + '/' + name;
        // Controllers that are mounted together, as cpu and cpuacct often are, share one.
        const bool shared = std::any_of(
            made.begin(), made.end(), [&](const auto& other) { return other.second == directory; });
        if (!shared && ::mkdir(directory.c_str(), 0755) != 0) {
            const int error = errno;
            (void)RunGroup{std::move(made)}.remove();
            const char* hint = error == EEXIST
                                   ? "; something else made it, and its processes may live"
                               : error == ENOENT ? "; its parent was removed"
                                                 : "";
            throw sdk::Error::os("cannot create the cgroup " + directory, error, hint);
        }
        made[key] = directory;
        if (key != "cpuset") continue;
        for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
            (void)write_control(directory + file, read_control(base + file).value_or(""));
        }
    }
    return RunGroup{std::move(made)};
}

RunGroup RunGroup::find(const std::map<std::string, std::string>& bases,
                        const std::string& run_id) {
    const std::string ending = '.' + run_id;
    std::map<std::string, std::string> found;
    for (const auto& [key, base] : bases) {
        const std::unique_ptr<DIR, int (*)(DIR*)> opened{::opendir(base.c_str()), &::closedir};
        if (!opened) continue;
        while (const dirent* entry = ::readdir(opened.get())) {
            const std::string_view name = entry->d_name;
            if (name.size() <= ending.size() || name.substr(name.size() - ending.size()) != ending)
                continue;
            found[key] = base + '/' + std::string(name);
            break;
        }
    }
    return RunGroup{std::move(found)};
}

std::optional<std::string> RunGroup::directory(const char* controller) const {
    const auto own = directories_.find(controller);
    if (own != directories_.end()) return own->second;
    const auto unified_one = directories_.find("");
    if (unified_one == directories_.end()) return std::nullopt;
    return unified_one->second;
}

void RunGroup::apply(const std::vector<Setting>& settings) const {
    for (const Setting& setting : settings) {
        const bool legacy = directories_.count(setting.controller) != 0;
        const auto where = directory(setting.controller.c_str());
        const auto files =
            legacy
                ? legacy_setting(setting.file, setting.value)
                : std::vector<std::pair<std::string, std::string>>{{setting.file, setting.value}};
        if (!where || files.empty()) {
            throw sdk::Error{SYSP_E_CONFIG, "cannot apply " + setting.option +
                                                ": it needs cgroup version 2, and the controller " +
                                                setting.controller + " is of version 1 here"};
        }
        for (const auto& [file, value] : files) {
            const int error = write_control(*where + '/' + file, value);
            if (error == 0) continue;
            throw sdk::Error::os("cannot apply " + setting.option + ": writing \"" + value +
                                     "\" to " + *where + '/' + file,
                                 error);
        }
    }
}

bool RunGroup::exists() const {
    return !tracking_.empty() && cgroup::exists(tracking_);
}

std::vector<pid_t> RunGroup::processes() const {
    std::vector<pid_t> found;
    if (tracking_.empty()) return found;
    for (const std::string& each : all_below(tracking_)) add_processes(each, found);
    return found;
}

bool RunGroup::contains(pid_t pid) const {
    const auto all = processes();
    return std::find(all.begin(), all.end(), pid) != all.end();
}

bool RunGroup::populated() const {
    if (tracking_.empty()) return false;
    if (!unified()) return !processes().empty();
    const auto events = read_control(tracking_ + "/cgroup.events");
    return events && value_of(*events, "populated") == 1U;
}

bool RunGroup::kill() const {
    if (unified() && write_control(tracking_ + "/cgroup.kill", "1") == 0) return true;
    // Held still, nobody can fork away from the signals.
    const bool held = !is_frozen() && can_freeze() && freeze(true) == 0;
    for (const pid_t pid : processes()) (void)::kill(pid, SIGKILL);
    if (held || can_freeze()) (void)freeze(false);
    return !populated();
}

bool RunGroup::can_freeze() const {
    return unified() ? cgroup::exists(tracking_ + "/cgroup.freeze")
                     : directories_.count("freezer") != 0;
}

int RunGroup::freeze(bool frozen) const {
    if (unified()) return write_control(tracking_ + "/cgroup.freeze", frozen ? "1" : "0");
    const auto found = directories_.find("freezer");
    if (found == directories_.end()) return EOPNOTSUPP;
    return write_control(found->second + "/freezer.state", frozen ? "FROZEN" : "THAWED");
}

bool RunGroup::is_frozen() const {
    if (unified()) {
        const auto events = read_control(tracking_ + "/cgroup.events");
        return events && value_of(*events, "frozen") == 1U;
    }
    const auto found = directories_.find("freezer");
    if (found == directories_.end()) return false;
    return read_control(found->second + "/freezer.state") == "FROZEN";
}

bool RunGroup::out_of_memory() const {
    const auto where = directory("memory");
    if (!where) return false;
    for (const char* file : {"/memory.events", "/memory.oom_control"}) {
        const auto text = read_control(*where + file);
        if (text && value_of(*text, "oom_kill").value_or(0) > 0) return true;
    }
    return false;
}

std::uint64_t RunGroup::memory_peak() const {
    const auto where = directory("memory");
    if (!where) return 0;
    const auto peak = read_number(*where + "/memory.peak");
    return peak ? *peak : read_number(*where + "/memory.max_usage_in_bytes").value_or(0);
}

bool RunGroup::remove() const {
    bool gone = true;
    for (const auto& [key, top] : directories_) {
        for (const std::string& each : all_below(top)) {
            if (::rmdir(each.c_str()) != 0 && errno != ENOENT) gone = false;
        }
    }
    return gone;
}

std::string RunGroup::to_token() const {
    std::string token;
    for (const auto& [key, path] : directories_) token += '\n' + key + '=' + path;
    return token;
}

RunGroup RunGroup::from_token(std::string_view token) {
    std::map<std::string, std::string> directories;
    for (const std::string_view line : split(token, '\n')) {
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        // Only what can be a cgroup's directory: a token from elsewhere must not name others.
        const std::string path{line.substr(equals + 1)};
        if (path.empty() || path.front() != '/' || path.find("/../") != std::string::npos) continue;
        if (!cgroup::exists(path + "/cgroup.procs")) continue;
        directories[std::string(line.substr(0, equals))] = path;
    }
    return RunGroup{std::move(directories)};
}

}  // namespace syspulse::plugins::cgroup
