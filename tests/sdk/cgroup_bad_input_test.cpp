// What the driver `cgroup` says to limits, options and operators that do not fit.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <regex>
#include <set>

#include "support/cgroup_fixture.hpp"

namespace syspulse::testing {
namespace {

using ::testing::HasSubstr;

constexpr unsigned nobody = 65534;

class BadInput : public CgroupDriver {
  protected:
    // The spawn must be refused, and no cgroup may stay.
    std::string refused(const Spawn& spawn, sysp_status status = SYSP_E_CONFIG) {
        const auto before = own_groups();
        const Done done = host_.spawn(1, spawn);
        EXPECT_EQ(done.status, status) << done.message;
        EXPECT_EQ(own_groups(), before);
        return done.message;
    }
    static Spawn limited(std::uint32_t which, std::uint64_t value) {
        Spawn spawn = shell("true");
        spawn.limits.valid = which;
        spawn.limits.memory_bytes = spawn.limits.processes = value;
        spawn.limits.cpu_percent = static_cast<std::uint32_t>(value);
        return spawn;
    }
    // A cgroup beside each of the run's, for as long as the test lasts.
    void make_beside(const std::string& token, const std::string& name) {
        for (const fs::path& group : groups_of(token)) {
            const fs::path beside = group.parent_path() / (name + std::to_string(::getpid()));
            // Two controllers may share a hierarchy.
            if (!fs::exists(beside)) own_.push_back(std::make_unique<OwnGroup>(beside));
        }
    }
    // What an operator does that is nobody's friend.
    void move_out(const Done& run) {
        make_beside(run.token, "away-");
        for (const auto& away : own_)
            write_file(away->path() / "cgroup.procs", std::to_string(run.pid));
    }
    void remove_groups(const Done& run) {
        for (const fs::path& group : groups_of(run.token)) {
            if (!fs::exists(group)) continue;
            EXPECT_EQ(::rmdir(group.c_str()), 0) << group;
        }
    }
    // Runs something below a cgroup of its own, made by the driver, that is then limited.
    fs::path limited_parent(const Spawn& spawn, const char* v2, const char* v1,
                            const std::string& ceiling) {
        host_.process_options = {{"/parent", "syspulse-test-" + std::to_string(::getpid())}};
        const Done done = host_.spawn(1, spawn);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        const fs::path file = control(done.token, v2, v1);
        const fs::path parent = file.parent_path().parent_path();
        for (const fs::path& group : groups_of(done.token)) parents_.insert(group.parent_path());
        EXPECT_TRUE(host_.wait_exit(1));
        host_.release(1);
        write_file(parent / file.filename(), ceiling);
        return parent;
    }
    void TearDown() override {
        for (const fs::path& parent : parents_) end_group(parent);
    }

    std::vector<std::unique_ptr<OwnGroup>> own_;
    std::set<fs::path> parents_;
};

// A process of nobody's, ended with the test.
class Stranger {
  public:
    Stranger() : pid_(::fork()) {
        while (pid_ == 0) ::pause();
    }
    ~Stranger() { end_child(pid_); }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_;
};

TEST_F(BadInput, zero_is_no_limit_to_live_with) {
    EXPECT_THAT(refused(limited(SYSP_LIMIT_MEMORY, 0)), HasSubstr("max_memory_bytes"));
    EXPECT_THAT(refused(limited(SYSP_LIMIT_CPU, 0)), HasSubstr("max_cpu_percent"));
    EXPECT_THAT(refused(limited(SYSP_LIMIT_PROCESSES, 0)), HasSubstr("max_processes"));
    host_.process_options = {{"/memory_high", "0"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("/memory_high: nothing gets on with 0"));
}

TEST_F(BadInput, less_memory_than_exec_needs_is_an_end_for_want_of_memory) {
    const Done done = host_.spawn(1, limited(SYSP_LIMIT_MEMORY, 4096));
    if (done.status != SYSP_OK) {  // The kernel refused to exec: as good, and nothing runs.
        EXPECT_TRUE(host_.started().size() == 1) << "only the probe";
        return;
    }
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    EXPECT_EQ(exit->flags, unsigned{SYSP_EXITF_OOM});
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(BadInput, fewer_descriptors_than_exec_needs_fail_the_run_and_leave_nothing) {
    Spawn spawn = shell("true");
    spawn.argv = {LOAD_PROGRAM, "tree", "1"};  // Its libraries have to be opened.
    spawn.limits.valid = SYSP_LIMIT_OPEN_FILES;
    spawn.limits.open_files = 1;
    const Done done = host_.spawn(1, spawn);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(exit->value, 127);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(BadInput, more_processes_than_the_parent_has_are_refused) {
    const fs::path parent =
        limited_parent(limited(SYSP_LIMIT_PROCESSES, 64), "pids.max", "pids.max", "100");
    places_ = parents_;
    EXPECT_THAT(refused(limited(SYSP_LIMIT_PROCESSES, 101)),
                HasSubstr(parent.native() + " is limited to 100"));
}

TEST_F(BadInput, more_memory_than_the_parent_has_is_refused) {
    const fs::path parent = limited_parent(limited(SYSP_LIMIT_MEMORY, 8 << 20), "memory.max",
                                           "memory.limit_in_bytes", "16777216");
    places_ = parents_;
    EXPECT_THAT(refused(limited(SYSP_LIMIT_MEMORY, 17 << 20)),
                HasSubstr(parent.native() + " is limited to 16777216"));
}

TEST_F(BadInput, options_that_the_kernel_refuses_are_named_with_file_and_value) {
    host_.process_options = {{"/cpus", "4000"}};
    const Done done = host_.spawn(1, shell("true"));
    EXPECT_NE(done.status, SYSP_OK);
    EXPECT_THAT(done.message, HasSubstr("cannot apply cpus"));
    host_.process_options = {{"/capabilities", "#1"}, {"/capabilities/0", "FLY"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("\"FLY\" is no capability"));
    host_.process_options = {{"/read_only_paths", "#1"}, {"/read_only_paths/0", "/no/such"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("/no/such"));
    host_.process_options = {{"/parent", "a/../../b"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("/parent"));
}

TEST_F(BadInput, a_cgroup_that_exists_already_is_left_alone) {
    Spawn spawn = shell("true");
    spawn.run_id = "collision." + std::to_string(::getpid());
    const OwnGroup taken{base_ / ("web." + spawn.run_id)};
    EXPECT_THAT(refused(spawn, SYSP_E_OS), HasSubstr(taken.path().native()));
    EXPECT_TRUE(fs::exists(taken.path()));
}

TEST_F(BadInput, a_cgroup_that_exists_in_another_hierarchy_takes_back_those_made_before) {
    const Done probe = host_.spawn(1, shell("true"));
    ASSERT_TRUE(host_.wait_exit(1));
    host_.release(1);
    const auto groups = groups_of(probe.token);
    if (groups.size() < 2) GTEST_SKIP() << "one hierarchy has all controllers";
    Spawn spawn = shell("true");
    spawn.run_id = "collision." + std::to_string(::getpid());
    const OwnGroup taken{groups.back().parent_path() / ("web." + spawn.run_id)};
    EXPECT_THAT(refused(spawn, SYSP_E_OS), HasSubstr(taken.path().native()));
    for (const fs::path& group : groups) {
        const fs::path made = group.parent_path() / ("web." + spawn.run_id);
        EXPECT_TRUE(made == taken.path() || !fs::exists(made)) << made;
    }
}

TEST_F(BadInput, a_place_that_was_taken_away_is_made_again) {
    ASSERT_EQ(host_.spawn(1, shell("true")).status, SYSP_OK);
    ASSERT_TRUE(host_.wait_exit(1));
    host_.release(1);
    (void)::rmdir(base_.c_str());  // Stays where another manager uses it.
    const Done done = host_.spawn(2, shell("exit 3"));
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const auto exit = host_.wait_exit(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 3);
    host_.release(2);
}

TEST_F(BadInput, a_failed_exec_leaves_no_cgroup) {
    Spawn spawn;
    spawn.argv = {"/no/such"};
    EXPECT_THAT(refused(spawn, SYSP_E_OS), HasSubstr("(stage exec)"));
}

TEST_F(BadInput, a_stranger_in_the_cgroup_ends_with_it) {
    const Done done = host_.spawn(1, shell("exec sleep 1000"));
    const Stranger stranger;
    for (const fs::path& group : groups_of(done.token))
        write_file(group / "cgroup.procs", std::to_string(stranger.pid()));
    ASSERT_TRUE(kill(1));
    int status = 0;
    EXPECT_EQ(::waitpid(stranger.pid(), &status, 0), stranger.pid());
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(BadInput, a_run_that_was_moved_out_still_heeds_a_request_to_end) {
    const Done done = host_.spawn(1, shell("exec sleep 1000"));
    move_out(done);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGTERM);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(BadInput, a_run_moved_out_and_its_cgroup_removed_can_still_be_stopped) {
    const Done done = host_.spawn(1, shell("exec sleep 1000"));
    move_out(done);
    remove_groups(done);
    EXPECT_EQ(host_.stats(1).stats.valid, 0U);
    EXPECT_NE(host_.freeze(1, true).status, SYSP_OK);
    const auto exit = kill(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    host_.release(1);
}

TEST_F(BadInput, a_cgroup_removed_while_no_manager_looked_does_not_hide_the_run) {
    const Done done = host_.spawn(1, shell("exec sleep 1000"));
    move_out(done);
    remove_groups(done);
    host_.recreate();
    const Done found = host_.recover(2, "no matter", done.token);
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_EQ(found.pid, done.pid);
    const auto exit = kill(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    host_.release(2);
}

// What asks for a controller, with the controller's name in version 1.
struct Asking {
    const char* controller;
    const char* legacy_name;
    const char* named;
    std::uint32_t limit;
    Options options;
};

TEST_F(BadInput, a_missing_controller_is_named_before_the_start_and_at_it) {
    const std::array<Asking, 5> all{
        Asking{"memory", "memory", "/resource_limits/max_memory_bytes", SYSP_LIMIT_MEMORY, {}},
        Asking{"pids", "pids", "/resource_limits/max_processes", SYSP_LIMIT_PROCESSES, {}},
        Asking{"cpu", "cpu", "/resource_limits/max_cpu_percent", SYSP_LIMIT_CPU, {}},
        Asking{"io", "blkio", "/io_weight", 0, {{"/io_weight", "200"}}},
        Asking{"cpuset", "cpuset", "/cpus", 0, {{"/cpus", "0"}}}};
    const std::string legacy = read_file("/proc/self/cgroup");
    const std::string unified = read_file("/sys/fs/cgroup/cgroup.controllers");
    int missing = 0;
    for (const Asking& asking : all) {
        const std::regex listed{std::string("[:,]") + asking.legacy_name + "[:,]"};
        const bool there = unified.find(asking.controller) != std::string::npos ||
                           std::regex_search(legacy, listed);
        Spawn spawn = limited(asking.limit, 64 << 20);
        host_.process_options = asking.options;
        const Done said = host_.try_spawn(spawn);
        if (there) {
            EXPECT_EQ(said.status, SYSP_OK) << said.message;
            continue;
        }
        ++missing;
        const std::string name = std::string("the cgroup controller ") + asking.controller;
        EXPECT_EQ(said.status, SYSP_E_CONFIG);
        EXPECT_THAT(said.message, ::testing::StartsWith(std::string(asking.named) + ": " + name));
        EXPECT_THAT(refused(spawn), HasSubstr(name + " is not available"));
    }
    if (missing == 0) GTEST_SKIP() << "this machine has them all";
}

TEST_F(BadInput, what_version_1_is_missing_is_told_before_the_start_and_at_it) {
    if (fs::exists(base_ / "memory.high") ||
        read_file(base_ / "cgroup.subtree_control").find("memory") != std::string::npos)
        GTEST_SKIP() << "memory is of version 2";
    host_.process_options = {{"/memory_high", "64M"}};
    const Done said = host_.try_spawn(shell("true"));
    EXPECT_EQ(said.status, SYSP_E_CONFIG);
    EXPECT_THAT(said.message, ::testing::StartsWith("/memory_high: the cgroup controller memory"));
    EXPECT_THAT(refused(shell("true")), HasSubstr("the controller memory is of version 1"));
}

// What a spawn by nobody in particular is told, empty if it succeeds; in a process of its own, as
// rights cannot be taken back.
std::string told_to_nobody(const Options& options) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)
            ::_exit(9);
        FakePluginHost host{CGROUP_PLUGIN};
        host.process_options = options;
        const Done done = host.spawn(1, shell("true"));
        (void)!::write(ends[1], done.message.data(), done.message.size());
        const bool well = done.status != SYSP_OK || host.wait_exit(1);
        ::_exit(well ? 0 : 1);
    }
    ::close(ends[1]);
    std::string said;
    std::array<char, 4096> chunk;
    for (ssize_t n; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;)
        said.append(chunk.data(), static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return said;
}

TEST_F(BadInput, without_a_writable_subtree_it_says_how_to_get_one) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    EXPECT_THAT(told_to_nobody({}), HasSubstr("Delegate=yes"));
}

TEST_F(BadInput, a_parent_that_is_not_writable_is_named) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const OwnGroup roots{base_ / ("roots-" + std::to_string(::getpid()))};
    const std::string parent = base_.filename() / roots.path().filename();
    const std::string said = told_to_nobody({{"/parent", parent}});
    EXPECT_THAT(said, HasSubstr(parent));
    EXPECT_THAT(said, HasSubstr("Delegate=yes"));
}

// Version 2 looks at the cgroup that the process comes from as well; vm_manager has that.
TEST_F(BadInput, on_version_1_a_parent_that_belongs_to_the_user_is_enough) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (fs::exists(base_ / "cgroup.controllers")) GTEST_SKIP() << "version 2 tells who is where";
    const std::string name = "users-" + std::to_string(::getpid());
    for (const fs::path& place : places_) {
        own_.push_back(std::make_unique<OwnGroup>(place / name));
        const fs::path& group = own_.back()->path();
        for (const char* file : {".", "cgroup.procs", "tasks"})
            ASSERT_EQ(::chown((group / file).c_str(), nobody, nobody), 0) << group / file;
    }
    EXPECT_EQ(told_to_nobody({{"/parent", base_.filename() / name}}), "");
    for (const auto& group : own_) EXPECT_TRUE(groups_below(group->path()).empty());
}

// A cpuset that somebody has filled stays as it is.
TEST_F(BadInput, on_version_1_the_cpus_of_a_parent_are_left_alone) {
    if (!fs::exists("/sys/fs/cgroup/cpuset/cpuset.cpus")) GTEST_SKIP() << "cpuset is of version 2";
    const std::string name = "syspulse-test-" + std::to_string(::getpid());
    const OwnGroup parent{fs::path("/sys/fs/cgroup/cpuset") / name};
    write_file(parent.path() / "cpuset.cpus", "0");
    write_file(parent.path() / "cpuset.mems", "0");
    host_.process_options = {{"/parent", name}, {"/cpus", "0"}};
    const Done done = host_.spawn(1, shell("true"));
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    for (const fs::path& group : groups_of(done.token)) parents_.insert(group.parent_path());
    ASSERT_TRUE(host_.wait_exit(1));
    host_.release(1);
    EXPECT_EQ(read_file(parent.path() / "cpuset.cpus"), "0");
}

}  // namespace
}  // namespace syspulse::testing
