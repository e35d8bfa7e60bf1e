// The keeper's test plays all parts with one program: started as "launch SCRIPT DIR" it becomes a
// keeper, and its children, which have a link to it, play the manager SCRIPT.
#pragma once

#include <filesystem>
#include <string>

#include "keeper/link.hpp"

namespace syspulse::keeper {

void append(const std::filesystem::path& file, const std::string& text);
std::string contents(const std::filesystem::path& file);
bool has_ended(const std::string& pid);

// Becomes a keeper; returns only if that failed.
int launch(const std::filesystem::path& dir);
// Plays the manager of that name to its end. What it has to say is in files of `dir`.
int play_manager(Link& link, const std::string& script, const std::filesystem::path& dir);

}  // namespace syspulse::keeper
