#include "model/dependency_graph.hpp"

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace syspulse::model {
namespace {

enum class Mark : unsigned char { fresh, open, done };

// Depth-first search with its own stack, because a chain may be as long as there are daemons.
class Walk {
  public:
    explicit Walk(std::span<const DependencyNode> nodes)
        : nodes_(nodes), marks_(nodes.size(), Mark::fresh) {
        for (std::size_t i = 0; i < nodes.size(); ++i) index_.emplace(nodes[i].name, i);
    }

    void run() {
        for (std::size_t i = 0; i < nodes_.size() && cycle_.empty(); ++i) {
            if (marks_[i] == Mark::fresh) visit(i);
        }
    }

    std::vector<std::string> take_order() { return std::move(order_); }
    std::vector<std::string> take_cycle() { return std::move(cycle_); }

  private:
    struct Frame {
        std::size_t node;
        std::size_t next_edge;
    };

    void visit(std::size_t root) {
        std::vector<Frame> stack{{root, 0}};
        marks_[root] = Mark::open;
        while (!stack.empty() && cycle_.empty()) {
            Frame& top = stack.back();
            const DependencyNode& node = nodes_[top.node];
            if (top.next_edge == node.depends_on.size()) {
                marks_[top.node] = Mark::done;
                order_.push_back(node.name);
                stack.pop_back();
                continue;
            }
            const auto found = index_.find(node.depends_on[top.next_edge++]);
            if (found == index_.end() || marks_[found->second] == Mark::done) continue;
            if (marks_[found->second] == Mark::open) {
                report_cycle(stack, found->second);
            } else {
                marks_[found->second] = Mark::open;
                stack.push_back({found->second, 0});
            }
        }
    }

    void report_cycle(const std::vector<Frame>& stack, std::size_t back_to) {
        const auto from = std::find_if(stack.begin(), stack.end(),
                                       [&](const Frame& f) { return f.node == back_to; });
        for (auto it = from; it != stack.end(); ++it) cycle_.push_back(nodes_[it->node].name);
        cycle_.push_back(nodes_[back_to].name);
    }

    std::span<const DependencyNode> nodes_;
    std::unordered_map<std::string, std::size_t> index_;
    std::vector<Mark> marks_;
    std::vector<std::string> order_;
    std::vector<std::string> cycle_;
};

}  // namespace

std::vector<std::string> find_dependency_cycle(std::span<const DependencyNode> nodes) {
    Walk walk(nodes);
    walk.run();
    return walk.take_cycle();
}

std::vector<std::string> start_order(std::span<const DependencyNode> nodes) {
    Walk walk(nodes);
    walk.run();
    return walk.take_order();
}

}  // namespace syspulse::model
