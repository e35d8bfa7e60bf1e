// What the kit has drivers run, and what it sees of processes from outside of the driver. Each
// system has its own.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/exit_status.hpp"
#include "base/time.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::conformance {

using Words = std::vector<std::string>;

// Small programs, as argument vectors.
namespace programs {

constexpr int polite_code = 7;

Words wait_to_be_ended();
Words outlast_a_manager();  // Likewise, however slow the machine is.
Words end_with(int code);
Words end_later(int tenths, int code);  // After so many tenths of a second.
Words be_polite();                // Says "polite"; ends with `polite_code` when it is asked to end.
Words be_stubborn();              // Says "ready"; ends by SYSP_SIG_KILL only.
Words have_a_child();             // Says "child N" and "ready"; N waits to be ended.
Words burn();                     // Says "ready" and uses a processor.
Words echo(const Words& values);  // Each with a bar behind it, the directory, and "done".
Words hog();                      // Takes 256 MiB of memory and says "survived".
Words multiply();                 // Starts sixty that wait, or tries to, and says "made".

}  // namespace programs

// Whether it is how a program that waits ends when it is asked to.
bool ended_as_asked(const ExitStatus& status);

// How processes can end, for D01.
struct Ending {
    Words argv;
    std::string name;
    std::int32_t kind = 0;
    std::int32_t value = 0;
};
std::vector<Ending> endings();

std::vector<std::string> no_programs();  // What cannot be run, for D02.
Words awkward_values();                  // Arguments for D03.

// For how long a driver may have a process end with its manager, which might not have recorded it.
extern const Duration unrecorded_most;

// What runs get unless a case says otherwise.
std::string root_directory();
Words plain_environment();

// Standard input is empty; output and errors are files of their own.
struct ProgramStreams {
    std::array<platform::OwnedHandle, 3> given;
    platform::OwnedHandle reader;  // Where the output cannot be read by what was given.
};
ProgramStreams make_program_streams();
std::string output_of(const ProgramStreams& streams);

bool process_lives(std::int64_t pid);
// A faulty driver may name any process: only our own children may be killed.
bool is_child(std::int64_t pid);
std::vector<std::int64_t> children();
// As others on the machine may read it; empty when this process may not.
std::string command_line_of(std::int64_t pid);
void kill_process(std::int64_t pid);
void halt_process(std::int64_t pid);  // It lives and does nothing any more.
// Of a child that has ended and that nobody collected.
void collect(std::int64_t pid);
std::size_t children_to_collect();

// A new directory that nobody else may write; empty when there is none.
std::filesystem::path make_folder();
bool has_links();  // Whether files can be named by symbolic links.
// Puts a file in the place of another, which may be loaded.
bool put_in_place(const std::filesystem::path& file, const std::filesystem::path& place);

// A page that programs write to as their `pid_slot`; empty when there is none. It stays for the
// life of the process.
std::span<char> slot_page();
// Whoever writes to it from here on ends the case.
void forbid_writing(std::span<char> page);

}  // namespace syspulse::conformance
