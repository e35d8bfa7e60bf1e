// The manager's own log. The only place that knows spdlog; messages never contain secrets.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace syspulse::log {

enum class Level { debug, info, warn, error, off };

// Sends everything from `level` up to stderr. Called once by the composition root; before that, and
// in tests that do not call it, warnings and errors are shown. [any thread]
void set_level(Level level);

// From now on instead of to standard error, which not every process has. The file stays open.
void write_to(std::FILE* file);

void write(Level level, std::string_view message);  // [any thread]

// Writes what a process has to say before it aborts, whatever the level. Where a Background writes,
// waits only a moment for a reader.
void last_words(std::string_view message);  // [any thread]

inline void debug(std::string_view message) {
    write(Level::debug, message);
}
inline void info(std::string_view message) {
    write(Level::info, message);
}
inline void warn(std::string_view message) {
    write(Level::warn, message);
}
inline void error(std::string_view message) {
    write(Level::error, message);
}

}  // namespace syspulse::log
