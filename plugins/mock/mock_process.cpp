// What /proc tells of this process and of those that the driver has.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "mock.hpp"

namespace syspulse::plugins::mock {
namespace {

// As in /proc; 'X' if it is gone.
char state_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const std::size_t name_end = stat.rfind(')');
    return name_end != std::string::npos && name_end + 2 < stat.size() ? stat[name_end + 2] : 'X';
}

}  // namespace

// Whether its group is held still: somebody in it is stopped, and nobody could go on. The leader
// alone does not tell: one that has just begun to start a program waits, in a sleep that nothing
// disturbs, for a child that was stopped before its exec.
bool is_stopped(std::int64_t group) {
    bool stopped = false;
    const char leader = state_of(static_cast<pid_t>(group));
    if (leader == 'R' || leader == 'S') return false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
        if (pid <= 0 || ::getpgid(pid) != group) continue;
        const char state = state_of(pid);
        if (state == 'R' || state == 'S') return false;
        stopped = stopped || state == 'T';
    }
    return stopped;
}

// Until the process, if it is the one that is to, ignores the signal.
void wait_until_ignored(std::int64_t pid, int number) {
    const std::string name = "/proc/" + std::to_string(pid);
    for (int tries = 0; tries < 2000; ++tries) {
        std::ifstream command(name + "/cmdline");
        std::string words;
        std::getline(command, words);
        if (words.find("sleep") == std::string::npos) return;
        std::ifstream status(name + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.compare(0, 7, "SigIgn:") == 0 &&
                (std::strtoull(line.c_str() + 7, nullptr, 16) >> (number - 1) & 1) != 0)
                return;
        }
        ::usleep(1000);
    }
}

// How many files with the code of this plugin the process has.
std::size_t copies() {
    std::set<std::string> nodes;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words(line);
        std::array<std::string, 5> word;  // Addresses, rights, offset, device, node.
        for (std::string& each : word) words >> each;
        if (line.find("mock") != std::string::npos && word[1] == "r-xp") nodes.insert(word[4]);
    }
    return nodes.size();
}

}  // namespace syspulse::plugins::mock
