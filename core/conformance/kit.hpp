// The conformance kit: every rule of the ABI that applies to a plugin, each case in a process of
// its own with a deadline.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::conformance {

struct KitOptions {
    std::filesystem::path plugin;
    std::optional<std::filesystem::path> author_file;
    int level = 3;                  // Items up to this one.
    std::vector<std::string> only;  // Items by id; empty: all.
    int deadline_scale = 1;         // How many times as long deadlines are.
};

struct Finding {
    std::string item;
    std::string kind;  // "driver posix"; empty for the file as a whole.
    int level = 0;
    std::string status;  // pass, warn, skip, fail, crash, hang.
    std::string message;
    double seconds = 0;

    bool bad() const { return status == "fail" || status == "crash" || status == "hang"; }
};

// Calls `found` after each case. Fails only when the kit itself cannot do its work.
Result<void> run_kit(const KitOptions& options, const std::function<void(const Finding&)>& found);

// The rule of an item and its level, for a person, or why it is left out; an unknown one is an
// error.
Result<std::string> explain(std::string_view item);

// The process of one case; `arguments` includes the program's name.
bool is_kit_case(const std::vector<std::string>& arguments);
int run_kit_case(const std::vector<std::string>& arguments);

}  // namespace syspulse::conformance
