// What the options of the driver `cgroup` do to processes, beyond standing in a file.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "support/cgroup_fixture.hpp"

namespace syspulse::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr sysp_proc small = 1;
constexpr sysp_proc large = 2;
constexpr std::uint64_t MiB = 1 << 20;

class Effects : public CgroupDriver {
  protected:
    Done with(sysp_proc proc, Options options, const Spawn& spawn) {
        host_.process_options = std::move(options);
        const Done done = host_.spawn(proc, spawn);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        return done;
    }
    // Whether the unified hierarchy has the controller, with all that only version 2 knows.
    bool unified_has(const std::string& controller) const {
        return read_file(base_ / "cgroup.subtree_control").find(controller) != std::string::npos;
    }
    std::uint64_t number_after(const fs::path& file, const std::string& key) const {
        std::istringstream lines(read_file(file));
        std::string word;
        for (std::uint64_t value = 0; lines >> word >> value;) {
            if (word == key) return value;
        }
        return 0;
    }
    // How much more of it the second run gets than the first, from now until both together have
    // got `enough`.
    double ratio(const std::function<std::uint64_t(sysp_proc)>& taken, std::uint64_t enough) {
        // From when both take part.
        EXPECT_TRUE(host_.run_until([&] { return taken(small) > 0 && taken(large) > 0; }));
        const std::uint64_t small_before = taken(small);
        const std::uint64_t large_before = taken(large);
        std::uint64_t small_got = 0;
        std::uint64_t large_got = 0;
        EXPECT_TRUE(host_.run_until([&] {
            small_got = taken(small) - small_before;
            large_got = taken(large) - large_before;
            return small_got + large_got >= enough;
        }));
        const double result = static_cast<double>(large_got) / static_cast<double>(small_got);
        std::cout << "[ MEASURED ] 1 : " << result << std::endl;
        return result;
    }
    void end(sysp_proc proc) {
        EXPECT_TRUE(kill(proc));
        host_.release(proc);
    }
};

TEST_F(Effects, cpu_weight_shares_a_contended_cpu) {
    with(small, {{"/cpus", "0"}, {"/cpu_weight", "100"}}, load("spin"));
    with(large, {{"/cpus", "0"}, {"/cpu_weight", "300"}}, load("spin"));
    const double share =
        ratio([&](sysp_proc proc) { return host_.stats(proc).stats.cpu_ns; }, 4'000'000'000);
    EXPECT_GT(share, 2.5);
    EXPECT_LT(share, 3.5);
    end(small);
    end(large);
}

TEST_F(Effects, cpus_keep_all_of_a_run_on_them) {
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
    host_.process_options = {{"/cpus", "1"}};
    EXPECT_EQ(output(shell("grep Cpus_allowed_list /proc/self/status | tr -d '\\t'")),
              "Cpus_allowed_list:1");
    // Two that would have a CPU each.
    const std::string spin = std::string(LOAD_PROGRAM) + " spin";
    with(1, {{"/cpus", "1"}}, shell(spin + " & exec " + spin));
    const auto began = Clock::now();
    ASSERT_TRUE(host_.run_until([&] { return host_.stats(1).stats.cpu_ns > 2'000'000'000; }));
    const std::chrono::nanoseconds wall = Clock::now() - began;
    EXPECT_EQ(tasks(1), 2U);
    constexpr double startup = 1.05;
    EXPECT_LT(static_cast<double>(host_.stats(1).stats.cpu_ns),
              startup * static_cast<double>(wall.count()) + 1e8);
    end(1);
}

// What the kernel says of waiting in a cgroup, against its own file. "some": one of two spinners
// that have one CPU always waits. "full": nobody runs while the whole group is held back, though
// some kernels do not count that.
TEST_F(Effects, pressure_is_told_as_the_kernel_tells_it) {
    const std::string spin = std::string(LOAD_PROGRAM) + " spin";
    host_.process_options = {{"/cpus", "0"}};
    Spawn spawn = shell(spin + " & exec " + spin);
    spawn.limits.valid = SYSP_LIMIT_CPU;
    spawn.limits.cpu_percent = 20;
    const Done done = host_.spawn(1, spawn);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const fs::path file = control(done.token, "cpu.pressure", "cpu.pressure");
    const auto all = SYSP_STAT_PSI_CPU | SYSP_STAT_PSI_MEMORY | SYSP_STAT_PSI_IO;
    if (read_file(file).empty()) {
        EXPECT_EQ(host_.stats(1).stats.valid & all, 0U);
        GTEST_SKIP() << "this kernel counts no pressure; it may need psi=1 on its command line";
    }
    const auto total = [&](const std::string& line) {
        std::istringstream lines(read_file(file));
        std::string each;
        while (std::getline(lines, each)) {
            if (each.starts_with(line)) return std::stoull(each.substr(each.find("total=") + 6));
        }
        return 0ULL;
    };
    const bool counts_full = std::getenv("SYSPULSE_MACHINE_IS_OURS") != nullptr;
    ASSERT_TRUE(host_.run_until([&] {
        const sysp_pressure now = host_.stats(1).stats.cpu_pressure;
        return now.some_ns > 500'000'000 && now.some_avg10 > 1 &&
               (!counts_full || now.full_ns > 500'000'000);
    })) << read_file(file);
    const std::uint64_t some_before = total("some");
    const std::uint64_t full_before = total("full");
    const sysp_stats stats = host_.stats(1).stats;
    EXPECT_EQ(stats.valid & all, all);
    EXPECT_GE(stats.cpu_pressure.some_ns, some_before * 1000);
    EXPECT_LE(stats.cpu_pressure.some_ns, total("some") * 1000);
    EXPECT_GE(stats.cpu_pressure.full_ns, full_before * 1000);
    EXPECT_LE(stats.cpu_pressure.full_ns, total("full") * 1000);
    for (const double share : {stats.cpu_pressure.some_avg10, stats.cpu_pressure.some_avg60,
                               stats.cpu_pressure.some_avg300}) {
        EXPECT_GT(share, 0);
        EXPECT_LE(share, 100);
    }
    EXPECT_GE(stats.cpu_pressure.some_ns, stats.cpu_pressure.full_ns);
    EXPECT_LT(stats.memory_pressure.some_ns, stats.cpu_pressure.some_ns);
    end(1);
}

TEST_F(Effects, memory_high_slows_down_and_does_not_kill) {
    if (!unified_has("memory")) GTEST_SKIP() << "needs the memory controller of version 2";
    const Done slowed = with(1, {{"/memory_high", "16M"}, {"/memory_swap_max", "0"}}, load("hog"));
    const fs::path group = groups_of(slowed.token).front();
    ASSERT_TRUE(host_.run_until([&] { return number_after(group / "memory.events", "high") > 0; }));
    // A hog without it takes ten times as much at once.
    Spawn free_one = load("hog");
    free_one.limits.valid = SYSP_LIMIT_MEMORY;
    free_one.limits.memory_bytes = 160 * MiB;
    with(2, {{"/memory_swap_max", "0"}}, free_one);
    const auto exit = host_.wait_exit(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->flags, unsigned{SYSP_EXITF_OOM});
    host_.release(2);
    EXPECT_EQ(number_after(group / "memory.events", "oom_kill"), 0U);
    EXPECT_EQ(tasks(1), 1U);
    EXPECT_LT(host_.stats(1).stats.rss_bytes, 80 * MiB);
    // It waits for memory.
    if (!read_file(group / "memory.pressure").empty()) {
        EXPECT_GT(host_.stats(1).stats.memory_pressure.some_ns, 0U);
    }
    end(1);
}

TEST_F(Effects, memory_swap_max_tells_how_much_may_be_swapped_out) {
    if (!unified_has("memory")) GTEST_SKIP() << "needs the memory controller of version 2";
    if (read_file("/proc/swaps").find('\n') == std::string::npos) GTEST_SKIP() << "needs swap";
    Spawn spawn = load("hold", "40");
    spawn.limits.valid = SYSP_LIMIT_MEMORY;
    spawn.limits.memory_bytes = 24 * MiB;
    host_.process_options = {{"/memory_swap_max", "64M"}};
    const Done swapped = start_ready(1, spawn);
    const fs::path group = groups_of(swapped.token).front();
    EXPECT_EQ(read_file(group / "memory.swap.max"), std::to_string(64 * MiB));
    EXPECT_GT(std::stoull(read_file(group / "memory.swap.current")), 8 * MiB);
    EXPECT_EQ(number_after(group / "memory.events", "oom_kill"), 0U);
    end(1);
    with(1, {{"/memory_swap_max", "0"}}, spawn);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->flags, unsigned{SYSP_EXITF_OOM});
    host_.release(1);
}

// The device is one that the kernel has been told the speed of, so that there is something to
// share.
TEST_F(Effects, io_weight_shares_a_contended_device) {
    const char* device = std::getenv("SYSPULSE_SLOW_DEVICE");
    if (device == nullptr) GTEST_SKIP() << "needs a device with io.cost.model";
    with(small, {{"/io_weight", "100"}}, load("read", device));
    with(large, {{"/io_weight", "300"}}, load("read", device));
    const double share =
        ratio([&](sysp_proc proc) { return host_.stats(proc).stats.io_read_bytes; }, 32 * MiB);
    EXPECT_GT(share, 2.5);
    EXPECT_LT(share, 3.5);
    // Both wait for the device.
    if ((host_.stats(small).stats.valid & SYSP_STAT_PSI_IO) != 0) {
        EXPECT_GT(host_.stats(small).stats.io_pressure.some_ns, 0U);
    }
    end(small);
    end(large);
}

}  // namespace
}  // namespace syspulse::testing
