// Ways to run programs through a driver plugin, for the tests of drivers.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {

using Spawn = FakePluginHost::Spawn;

inline Spawn shell(const std::string& script) {
    Spawn spawn;
    spawn.argv = {"/bin/sh", "-c", script};
    return spawn;
}

inline bool is_gone(pid_t pid) {
    return ::kill(pid, 0) != 0 && errno == ESRCH;
}

inline std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// What the program prints, with the exit status of 0 checked.
inline std::string output(FakePluginHost& host, Spawn spawn) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    spawn.stdio[1] = ends[1];
    const Done done = host.spawn(1, spawn);
    ::close(ends[1]);
    EXPECT_EQ(done.status, SYSP_OK) << done.message;
    std::string text;
    std::array<char, 4096> chunk;
    for (ssize_t n; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;) {
        text.append(chunk.data(), static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    const auto exit = host.wait_exit(1);
    EXPECT_TRUE(exit && exit->kind == SYSP_EXIT_CODE && exit->value == 0) << text;
    host.release(1);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

}  // namespace syspulse::testing
