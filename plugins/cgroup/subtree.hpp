// The part of the cgroup tree in which runs get their cgroups: found or configured, prepared once.
//
// Version 2 wants no process in a cgroup that has children with controllers. Where the subtree is
// the one that was delegated to the manager, everything in it moves to a leaf of its own first.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/hierarchy.hpp"

namespace syspulse::plugins::cgroup {

// The leaf that the manager moves into.
inline constexpr std::string_view manager_leaf = "syspulse-manager";

// The cgroup that is made, and taken away again, where nothing was delegated or configured.
inline constexpr std::string_view found_place = "syspulse";

// What a run needs: the controller and, for messages, the option that asks for it.
struct Need {
    std::string controller;  // As version 2 calls it: memory, cpu, pids, io, cpuset.
    std::string option;
};

class Subtree {
  public:
    // `parent` is a configured cgroup: a path below the mount points, or empty to find one. Throws
    // sdk::Error that says what is missing and how to get it.
    explicit Subtree(const std::string& parent);
    // Throws what the constructor would, as far as that shows without making anything.
    static void check(const std::string& parent);
    // Takes away the cgroups `syspulse` that runs got theirs in, unless somebody else uses them
    // still.
    ~Subtree();
    Subtree(const Subtree&) = delete;
    Subtree& operator=(const Subtree&) = delete;

    bool has_unified() const { return !unified_.empty(); }
    const std::string& unified() const { return unified_; }
    // The hierarchy that tells which processes belong to a run: the unified one, else the freezer.
    const std::string& tracking() const { return tracking_; }

    // The directories in which a run gets a cgroup, by hierarchy: "" is the unified one, others
    // are named by their version 1 controller. Made again if another manager has taken one away
    // since. Throws when a controller is missing.
    std::map<std::string, std::string> bases_for(const std::vector<Need>& needs);
    // Whether every prepared directory is there.
    bool stands() const;
    // The hierarchy that has the controller; nullptr if none.
    const std::string* base_of(const std::string& controller) const;
    // Whether the unified hierarchy has the controller enabled for runs.
    bool unified_has(std::string_view controller) const;
    // Every directory, by hierarchy, in which a run may have got a cgroup.
    std::map<std::string, std::string> places() const;

  private:
    void prepare_unified(const Hierarchy& hierarchy, const std::string& parent);
    void enable_controllers();
    std::string use_legacy(const std::string& controller, const std::string& option);

    std::string unified_;
    bool ours_ = false;  // Nobody named the directories: they are made and taken away here.
    bool made_ = false;  // `unified_` is not the manager's own cgroup.
    std::string tracking_;
    std::vector<std::string> enabled_;           // Controllers of the unified subtree.
    std::map<std::string, std::string> bases_;   // Prepared; by hierarchy.
    std::map<std::string, std::string> legacy_;  // Version 1 controllers: where the base will be.
};

}  // namespace syspulse::plugins::cgroup
