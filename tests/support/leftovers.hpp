// Ends what a test leaves behind, also when it fails half-way: its runs, processes and cgroups.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "support/eventually.hpp"
#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {

// The cgroups of a run, from its token: the identity, then a line "hierarchy=directory" for each.
inline std::vector<std::filesystem::path> groups_of(const std::string& token) {
    std::vector<std::filesystem::path> found;
    std::istringstream lines(token);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) found.emplace_back(line.substr(line.find('=') + 1));
    return found;
}

// The cgroups right below one; a directory of cgroups has no others.
inline std::vector<std::filesystem::path> groups_below(const std::filesystem::path& group) {
    std::vector<std::filesystem::path> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(group, gone)) {
        if (entry.is_directory(gone)) found.push_back(entry.path());
    }
    return found;
}

// Those of runs that this process has started, whose ids have its number. Others use the place,
// too.
inline std::vector<std::filesystem::path> own_groups_in(const std::filesystem::path& place) {
    const std::string number = std::to_string(::getpid());
    auto found = groups_below(place);
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const std::filesystem::path& group) {
                                   const std::string name = group.filename();
                                   return !name.ends_with('.' + number) &&
                                          name.find(".run-" + number + '.') == std::string::npos;
                               }),
                found.end());
    std::sort(found.begin(), found.end());
    return found;
}

// What is frozen by version 1 does not even die, whichever of its cgroups is asked for it.
inline void thaw_group(const std::filesystem::path& group) {
    for (const auto& [file, thawed] :
         {std::pair{"cgroup.freeze", "0"}, std::pair{"freezer.state", "THAWED"}}) {
        if (std::filesystem::exists(group / file)) std::ofstream(group / file) << thawed;
    }
}

// Kills whatever is in the cgroup and below it, waits until it is empty, and removes it.
inline void end_group(const std::filesystem::path& group) {
    if (!std::filesystem::exists(group)) return;
    for (const auto& below : groups_below(group)) end_group(below);
    thaw_group(group);
    EXPECT_TRUE(test::eventually([&] {
        std::ifstream processes(group / "cgroup.procs");
        for (pid_t pid = 0; processes >> pid;) (void)::kill(pid, SIGKILL);
        return ::rmdir(group.c_str()) == 0 || errno == ENOENT;
    })) << group;
}

// A child of this process that has not been waited for: its number is nobody else's.
inline void end_child(pid_t pid) {
    siginfo_t info{};
    const auto id = static_cast<id_t>(pid);
    if (::waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
    (void)::kill(-pid, SIGKILL);
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, nullptr, 0);
}

// Declared after the host of a fixture, so that it acts while the driver is still there.
class EndOfRuns {
  public:
    explicit EndOfRuns(const FakePluginHost& host) : host_(host) {}
    ~EndOfRuns() {
        std::set<std::filesystem::path> places;
        for (const Done& run : host_.started()) {
            for (const auto& group : groups_of(run.token)) thaw_group(group);
            for (const auto& group : groups_of(run.token)) {
                end_group(group);
                places.insert(group.parent_path());
            }
            end_child(static_cast<pid_t>(run.pid));
        }
        // What a driver has forgotten itself.
        for (const auto& place : places) {
            for (const auto& group : own_groups_in(place)) end_group(group);
        }
    }
    EndOfRuns(const EndOfRuns&) = delete;
    EndOfRuns& operator=(const EndOfRuns&) = delete;

  private:
    const FakePluginHost& host_;
};

// A cgroup that a test makes beside those of the driver.
class OwnGroup {
  public:
    explicit OwnGroup(std::filesystem::path path) : path_(std::move(path)) {
        EXPECT_TRUE(std::filesystem::create_directory(path_)) << path_;
    }
    ~OwnGroup() { end_group(path_); }
    OwnGroup(const OwnGroup&) = delete;
    OwnGroup& operator=(const OwnGroup&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace syspulse::testing
