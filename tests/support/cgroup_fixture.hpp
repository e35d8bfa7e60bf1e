// Runs of the driver `cgroup` for its tests, and looks into their cgroups.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/driver_fixture.hpp"
#include "support/leftovers.hpp"

namespace syspulse::testing {

namespace fs = std::filesystem;
inline std::string read_file(const fs::path& path) {
    std::ifstream stream(path);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

inline void write_file(const fs::path& path, const std::string& text) {
    std::ofstream stream(path);
    stream << text << std::flush;
    EXPECT_TRUE(stream.good()) << path;
}

inline bool all_gone(const std::vector<fs::path>& groups) {
    return std::none_of(groups.begin(), groups.end(),
                        [](const fs::path& p) { return fs::exists(p); });
}

// The control file of a run, in whichever of its hierarchies it is.
inline fs::path control(const std::string& token, const std::string& v2, const std::string& v1) {
    for (const fs::path& group : groups_of(token)) {
        if (fs::exists(group / v2)) return group / v2;
        if (fs::exists(group / v1)) return group / v1;
    }
    return {};
}

class CgroupDriver : public ::testing::Test {
  protected:
    void SetUp() override {
        const Done probe = host_.spawn(1, shell("true"));
        if (probe.status == SYSP_E_DENIED || probe.status == SYSP_E_UNSUPPORTED)
            GTEST_SKIP() << probe.message;
        ASSERT_EQ(probe.status, SYSP_OK) << probe.message;
        for (const fs::path& group : groups_of(probe.token)) places_.insert(group.parent_path());
        base_ = groups_of(probe.token).front().parent_path();
        ASSERT_TRUE(host_.wait_exit(1));
        host_.release(1);
    }
    static Spawn load(const std::string& what, const std::string& count = "") {
        Spawn spawn;
        spawn.argv = {LOAD_PROGRAM, what, count};
        return spawn;
    }
    // Starts it and waits until it has printed a line.
    Done start_ready(sysp_proc proc, Spawn spawn) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        spawn.stdio[1] = ends[1];
        const Done done = host_.spawn(proc, spawn);
        ::close(ends[1]);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        char byte = 0;
        while (::read(ends[0], &byte, 1) == 1 && byte != '\n') {
        }
        ::close(ends[0]);
        return done;
    }
    std::optional<sysp_exit> kill(sysp_proc proc) {
        EXPECT_EQ(host_.signal(proc, SYSP_SIG_KILL).status, SYSP_OK);
        return host_.wait_exit(proc);
    }
    std::string output(const Spawn& spawn) { return testing::output(host_, spawn); }
    std::size_t tasks(sysp_proc proc) { return host_.stats(proc).stats.tasks; }

    FakePluginHost host_{CGROUP_PLUGIN};
    EndOfRuns end_of_runs_{host_};
    // The cgroups of this test's runs, in every hierarchy.
    std::vector<fs::path> own_groups() const {
        std::vector<fs::path> found;
        for (const fs::path& place : places_) {
            for (fs::path& group : own_groups_in(place)) found.push_back(std::move(group));
        }
        return found;
    }

    fs::path base_;
    std::set<fs::path> places_;
};

}  // namespace syspulse::testing
