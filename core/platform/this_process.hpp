// Who this process is, and in which life of the machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace syspulse::platform {

std::int64_t process_id();

// Names this life of the machine, or of the container: another value means that every process of
// the time before has ended. Empty when the system does not tell.
std::string boot_identity();

// The absolute path of the program that runs; empty when the system does not tell.
std::filesystem::path program_path();

// Gives memory that was freed, and is kept for later, back to the system, as far as that is
// possible. Takes as long as a look at all that is in use: a millisecond for some ten thousand
// objects.
void return_free_memory();

}  // namespace syspulse::platform
