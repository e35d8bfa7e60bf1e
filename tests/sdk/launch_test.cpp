// How children are started, below every driver: what a start leaves in the process that asks for
// it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>

#include "common/child.hpp"
#include "support/driver_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

using plugins::ChildPlan;
using plugins::UniqueFd;

// The kernel says ENOSPC for a version 1 cpuset without processors, as /dev/full does.
TEST(Launch, leaves_no_descriptor_when_the_child_may_not_enter_its_cgroup) {
    const test::TemporaryDirectory directory;
    std::filesystem::create_symlink("/dev/full", directory.path() / "cgroup.procs");
    const UniqueFd group{::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    ASSERT_TRUE(group);
    std::string name = "true";
    const std::array<char*, 2> argv = {name.data(), nullptr};
    const std::array<char*, 1> env = {nullptr};
    const std::array<int, 1> joins = {group.get()};
    ChildPlan plan;
    plan.path = "/bin/true";
    plan.argv = argv.data();
    plan.env = env.data();
    plan.joins = joins.data();
    plan.join_count = joins.size();
    plugins::prepare_launches();
    const auto before = open_descriptors();
    const plugins::Launch failed = plugins::launch(plan);
    EXPECT_EQ(failed.pid, -1);
    ASSERT_NE(failed.stage, nullptr);
    EXPECT_STREQ(failed.stage, "cgroup");
    EXPECT_EQ(failed.error, ENOSPC);
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace syspulse::testing
