// Start order and cycles.
#include "model/dependency_graph.hpp"

#include <gmock/gmock.h>

namespace syspulse::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Nodes = std::vector<DependencyNode>;

TEST(DependencyGraph, independent_daemons_keep_their_order) {
    const Nodes nodes{{"b", {}}, {"a", {}}, {"c", {}}};
    EXPECT_THAT(start_order(nodes), ElementsAre("b", "a", "c"));
}

TEST(DependencyGraph, dependencies_come_first) {
    const Nodes nodes{{"web", {"db", "cache"}}, {"cache", {"net"}}, {"db", {"net"}}, {"net", {}}};
    EXPECT_THAT(start_order(nodes), ElementsAre("net", "db", "cache", "web"));
    EXPECT_THAT(find_dependency_cycle(nodes), IsEmpty());
}

TEST(DependencyGraph, unknown_names_are_ignored) {
    const Nodes nodes{{"web", {"nowhere"}}};
    EXPECT_THAT(start_order(nodes), ElementsAre("web"));
    EXPECT_THAT(find_dependency_cycle(nodes), IsEmpty());
}

TEST(DependencyGraph, cycle_is_named_with_its_first_repeated) {
    const Nodes nodes{{"x", {"a"}}, {"a", {"b"}}, {"b", {"c"}}, {"c", {"a"}}};
    EXPECT_THAT(find_dependency_cycle(nodes), ElementsAre("a", "b", "c", "a"));
}

TEST(DependencyGraph, daemon_that_depends_on_itself_is_a_cycle) {
    const Nodes nodes{{"a", {"a"}}};
    EXPECT_THAT(find_dependency_cycle(nodes), ElementsAre("a", "a"));
}

TEST(DependencyGraph, chain_of_a_hundred_thousand_needs_no_deep_stack) {
    constexpr int length = 100'000;
    Nodes nodes;
    for (int i = 0; i < length; ++i) nodes.push_back({std::to_string(i), {std::to_string(i + 1)}});
    const auto order = start_order(nodes);
    ASSERT_EQ(order.size(), nodes.size());
    EXPECT_EQ(order.front(), std::to_string(length - 1));
    EXPECT_EQ(order.back(), "0");
}

TEST(DependencyGraph, nothing_has_an_empty_order) {
    EXPECT_THAT(start_order({}), IsEmpty());
}

}  // namespace
}  // namespace syspulse::model
