#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "conformance/programs.hpp"
#include "syspulse/plugin.h"

namespace syspulse::conformance {
namespace {

Words shell(const std::string& script) {
    return {"/bin/sh", "-c", script};
}

// What stands behind the name in /proc/PID/stat, which begins with the state; empty of no process.
std::string state_of(std::int64_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t end = text.rfind(')');
    return end == std::string::npos || end + 2 >= text.size() ? "" : text.substr(end + 2);
}

}  // namespace

Words programs::wait_to_be_ended() {
    return {"/bin/sleep", "60"};
}

Words programs::outlast_a_manager() {
    return {"/bin/sleep", "600"};
}

Words programs::end_with(int code) {
    return code == 0 ? Words{"/bin/true"} : shell("exit " + std::to_string(code));
}

Words programs::end_later(int tenths, int code) {
    return shell("sleep 0." + std::to_string(tenths) + "; exit " + std::to_string(code));
}

Words programs::be_polite() {
    return shell("trap 'exit " + std::to_string(polite_code) +
                 "' TERM; echo polite; while :; do sleep 0.1; done");
}

Words programs::be_stubborn() {
    return shell("trap '' TERM; echo ready; while :; do sleep 60; done");
}

Words programs::have_a_child() {
    return shell("sleep 61 & echo child $! ; echo ready; wait");
}

Words programs::burn() {
    return shell("echo ready; while :; do :; done");
}

Words programs::echo(const Words& values) {
    Words argv = shell("for a in \"$@\"; do printf '%s|' \"$a\"; done; pwd; echo done");
    argv.emplace_back("sh");
    argv.insert(argv.end(), values.begin(), values.end());
    return argv;
}

// Twice as much each time, from 16 bytes to 256 MiB.
Words programs::hog() {
    return shell(
        "x=0123456789abcdef; i=0; while [ $i -lt 24 ]; do x=$x$x; i=$((i+1)); done; "
        "echo survived");
}

// Sixty and no more, because the limit may be one for all that the user runs.
Words programs::multiply() {
    return shell("i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i+1)); done; echo made");
}

bool ended_as_asked(const ExitStatus& status) {
    return status.kind == ExitStatus::Kind::signal && status.value == SIGTERM;
}

std::vector<Ending> endings() {
    const auto ending = [](const std::string& script, std::int32_t kind, std::int32_t value) {
        return Ending{shell(script), '"' + script + '"', kind, value};
    };
    return {ending("exit 0", SYSP_EXIT_CODE, 0), ending("exit 3", SYSP_EXIT_CODE, 3),
            ending("kill -9 $$", SYSP_EXIT_SIGNAL, SIGKILL),
            ending("kill -ABRT $$", SYSP_EXIT_SIGNAL, SIGABRT)};
}

std::vector<std::string> no_programs() {
    return {"/no/such/program", "/", "/etc/passwd"};
}

Words awkward_values() {
    return {"two words", "it's \"quoted\"",      "line\nbreak",
            "",          "\xc3\xa4\xe2\x82\xac", std::string(100'000, 'x')};
}

const Duration unrecorded_most{};

std::string root_directory() {
    return "/";
}

Words plain_environment() {
    return {"PATH=/usr/bin:/bin"};
}

ProgramStreams make_program_streams() {
    ProgramStreams streams;
    streams.given[0].reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    streams.given[1].reset(::memfd_create("output", MFD_CLOEXEC));
    streams.given[2].reset(::memfd_create("errors", MFD_CLOEXEC));
    return streams;
}

std::string output_of(const ProgramStreams& streams) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (off_t at = 0;;) {
        const ssize_t got =
            ::pread(static_cast<int>(streams.given[1].get()), buffer.data(), buffer.size(), at);
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        at += got;
    }
}

bool process_lives(std::int64_t pid) {
    const std::string state = state_of(pid);
    return !state.empty() && state.front() != 'Z';
}

bool is_child(std::int64_t pid) {
    const std::string state = state_of(pid);
    return state.size() > 2 && std::atoll(state.c_str() + 2) == ::getpid();
}

std::vector<std::int64_t> children() {
    std::ifstream file("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    return {std::istream_iterator<std::int64_t>(file), {}};
}

std::string command_line_of(std::int64_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void kill_process(std::int64_t pid) {
    ::kill(static_cast<pid_t>(pid), SIGKILL);
}

void halt_process(std::int64_t pid) {
    ::kill(static_cast<pid_t>(pid), SIGSTOP);
}

void collect(std::int64_t pid) {
    ::waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG);
}

std::size_t children_to_collect() {
    const auto all = children();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](auto pid) { return !process_lives(pid); }));
}

std::filesystem::path make_folder() {
    std::string folder = (std::filesystem::temp_directory_path() / "kit-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return {};
    return folder;
}

bool has_links() {
    return true;
}

bool put_in_place(const std::filesystem::path& file, const std::filesystem::path& place) {
    std::error_code error;
    std::filesystem::rename(file, place, error);
    return !error;
}

// Shared with a child, which may have copied everything else.
std::span<char> slot_page() {
    const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const page =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return {};
    return {static_cast<char*>(page), bytes};
}

void forbid_writing(std::span<char> page) {
    ::mprotect(page.data(), page.size(), PROT_READ);
}

}  // namespace syspulse::conformance
