// What a child does between clone and exec.
#pragma once

#include <array>
#include <cstddef>

#include "common/child.hpp"

namespace syspulse::plugins {

// In the order of what the child does.
enum class Stage { start, cgroup, session, stdio, limits, confine, user, chdir, exec };

// "exec"
const char* to_string(Stage stage);

struct ChildFailure {
    int error = 0;  // errno; zero: none.
    Stage stage = Stage::start;
    std::size_t tried = 0;  // Which of the paths.
};

// Shared with the parent where the child runs on its memory.
struct ChildContext {
    const ChildPlan* plan = nullptr;
    int error_fd = -1;  // -1: `failure` is shared memory.
    ChildFailure failure;
    std::array<int, 3> stdio = {-1, -1, -1};
    // Not zero: the child shares the parent's descriptor table, of which it needs those below.
    unsigned leave_table_at = 0;
    bool enter_cgroup = false;  // It was not born there.
};

// Takes a ChildContext; ends in exec, or in the end of the child with `failure` filled in.
int child_main(void* context);

}  // namespace syspulse::plugins
