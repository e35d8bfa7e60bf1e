// What the driver `cgroup` costs beside `posix`, through the plugin ABI and in alternation, and
// what the kernel alone takes to make and remove the same cgroups.
//
//   driver_cost POSIX-PLUGIN CGROUP-PLUGIN PROGRAM ROUNDS
//   driver_cost tree COUNT      (started by the first form: COUNT sleeping processes, then a line)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/fake_plugin_host.hpp"

namespace {

using syspulse::testing::Done;
using syspulse::testing::FakePluginHost;
using Clock = std::chrono::steady_clock;
using Samples = std::vector<double>;

constexpr int tree_size = 10'000;

double us_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double median(Samples samples) {
    std::sort(samples.begin(), samples.end());
    return samples.empty() ? 0 : samples[samples.size() / 2];
}

[[noreturn]] void tree(int count) {
    for (int i = 1; i < count; ++i) {
        const pid_t pid = ::fork();
        if (pid < 0) ::_exit(4);
        if (pid == 0) {
            ::setsid();
            for (;;) ::pause();
        }
    }
    std::puts("ready");
    std::fflush(stdout);
    for (;;) ::pause();
}

std::set<std::string> groups_of(const std::string& token) {
    std::set<std::string> found;
    std::istringstream lines(token);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) found.insert(line.substr(line.find('=') + 1));
    return found;
}

void require(const Done& done) {
    if (done.status != SYSP_OK) throw std::runtime_error(done.message);
}

struct Costs {
    Samples spawn, cycle;
};

std::string one(FakePluginHost& host, const FakePluginHost::Spawn& spawn, Costs& costs) {
    const auto begin = Clock::now();
    const Done done = host.spawn(1, spawn);
    costs.spawn.push_back(us_since(begin));
    require(done);
    if (!host.wait_exit(1)) throw std::runtime_error("the process does not end");
    host.release(1);
    costs.cycle.push_back(us_since(begin));
    return done.token;
}

// The same directories by another name, with nothing in them.
void bare(const std::set<std::string>& groups, Samples& make, Samples& remove) {
    const auto begin = Clock::now();
    for (const std::string& group : groups) {
        if (::mkdir((group + ".bare").c_str(), 0755) != 0) throw std::runtime_error(group);
    }
    make.push_back(us_since(begin));
    const auto made = Clock::now();
    for (const std::string& group : groups) (void)::rmdir((group + ".bare").c_str());
    remove.push_back(us_since(made));
}

double tree_end_s(FakePluginHost& host, const char* self) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    FakePluginHost::Spawn spawn;
    spawn.argv = {self, "tree", std::to_string(tree_size)};
    spawn.stdio[1] = ends[1];
    require(host.spawn(1, spawn));
    ::close(ends[1]);
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1 && byte != '\n') {
    }
    ::close(ends[0]);
    const bool complete = host.stats(1).stats.tasks == tree_size;
    const auto begin = Clock::now();
    require(host.signal(1, SYSP_SIG_KILL));
    if (!host.wait_exit(1)) throw std::runtime_error("the tree does not end");
    const double took = us_since(begin) / 1e6;
    host.release(1);
    if (!complete)
        throw std::runtime_error("the tree was not complete; is there a limit of processes?");
    return took;
}

void measure(char** argv) {
    FakePluginHost posix{argv[1]};
    FakePluginHost cgroup{argv[2]};
    FakePluginHost::Spawn spawn;
    spawn.argv = {argv[3]};
    Costs with_posix, with_cgroup;
    Samples make, remove;
    std::size_t groups = 0;
    for (int i = 0; i < std::atoi(argv[4]); ++i) {
        (void)one(posix, spawn, with_posix);
        const auto made = groups_of(one(cgroup, spawn, with_cgroup));
        bare(made, make, remove);
        groups = made.size();
    }
    const double bare_us = median(make) + median(remove);
    std::printf(
        "{\"groups\": %zu, \"posix_spawn_us\": %.1f, \"cgroup_spawn_us\": %.1f, \"mkdir_us\": "
        "%.1f, "
        "\"rmdir_us\": %.1f, \"posix_cycle_us\": %.1f, \"cgroup_cycle_us\": %.1f, "
        "\"spawn_ratio\": %.3f, \"cycle_ratio\": %.3f, \"tree_end_s\": %.3f}\n",
        groups, median(with_posix.spawn), median(with_cgroup.spawn), median(make), median(remove),
        median(with_posix.cycle), median(with_cgroup.cycle),
        (median(with_cgroup.spawn) - bare_us) / median(with_posix.spawn),
        (median(with_cgroup.cycle) - bare_us) / median(with_posix.cycle),
        tree_end_s(cgroup, argv[0]));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "tree") == 0) tree(std::atoi(argv[2]));
    if (argc != 5) return 2;
    try {
        measure(argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "driver_cost: %s\n", error.what());
        return 1;
    }
    return 0;
}
