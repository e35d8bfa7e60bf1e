// The cgroup of one run, in every hierarchy that it needs: its limits, its processes, its end.
#pragma once

#include <sys/types.h>

#include <syspulse/plugin.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syspulse::plugins::cgroup {

// One control file to write before the run starts.
struct Setting {
    std::string controller;
    std::string file;  // As version 2 calls it; see legacy_setting() for version 1.
    std::string value;
    std::string option;  // What asks for it, for messages.
};

class RunGroup {
  public:
    RunGroup() = default;
    // `directories` by hierarchy, as Subtree::bases_for() names them.
    explicit RunGroup(std::map<std::string, std::string> directories);

    // Makes the directories; throws when one exists already and leaves nothing behind then.
    static RunGroup create(const std::map<std::string, std::string>& bases,
                           const std::string& name);

    // The group of a run below `bases`; an empty one when there is none.
    static RunGroup find(const std::map<std::string, std::string>& bases,
                         const std::string& run_id);

    // Throws sdk::Error naming file and value.
    void apply(const std::vector<Setting>& settings) const;

    bool unified() const { return directories_.count("") != 0; }
    const std::string& tracking() const { return tracking_; }
    const std::map<std::string, std::string>& directories() const { return directories_; }
    bool exists() const;

    std::vector<pid_t> processes() const;
    bool contains(pid_t pid) const;
    // Whether a live process is in it or in a cgroup below it.
    bool populated() const;

    // Sends SIGKILL to all. True when that reached everybody for good; else it is to be repeated
    // until the group is empty.
    bool kill() const;
    bool can_freeze() const;
    // Returns an errno. The kernel may need a moment until is_frozen() says the same.
    int freeze(bool frozen) const;
    bool is_frozen() const;

    bool out_of_memory() const;         // Somebody in it was killed for want of memory.
    std::uint64_t memory_peak() const;  // Zero is not known.
    sysp_stats stats() const;

    // True when it is gone. A group with processes in it stays.
    bool remove() const;

    std::string to_token() const;
    static RunGroup from_token(std::string_view token);

  private:
    std::optional<std::string> directory(const char* controller) const;

    std::map<std::string, std::string> directories_;
    std::string tracking_;  // Of the hierarchy that tells which processes are in it.
};

}  // namespace syspulse::plugins::cgroup
