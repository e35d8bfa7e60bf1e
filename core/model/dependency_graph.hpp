// The order in which daemons start and stop, from their depends_on lists. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::model {

struct DependencyNode {
    std::string name;
    std::vector<std::string> depends_on;
};

// Finds a cycle: its names in order, the first repeated at the end ("a", "b", "a"); empty when
// there is none. Names that no node has are ignored here.
std::vector<std::string> find_dependency_cycle(std::span<const DependencyNode> nodes);

// Names so that each stands after everything it depends on; otherwise in the given order. The nodes
// must not form a cycle. Reverse it to get the stop order.
std::vector<std::string> start_order(std::span<const DependencyNode> nodes);

}  // namespace syspulse::model
