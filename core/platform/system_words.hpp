// What differs between systems in words only: names of drivers and variables, and what operators
// cannot say here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/users.hpp"

namespace syspulse::platform {

struct SystemWords {
    std::string_view default_driver;
    // How a command has the shell run a line.
    std::string_view shell;
    // Between the entries of a search path.
    char list_separator = ':';
    // PATH of daemons when the manager has none, or nobody's.
    std::string default_path;
    // Variables that daemons have from the manager's environment.
    std::vector<std::string_view> inherited_variables;
    // Why a daemon cannot run as another user; empty where it can.
    std::string_view user_refusal;
    // What stop_signal may name; empty: every signal.
    std::vector<std::int32_t> stop_signals;
    // Two signals that daemons may be sent, in a sentence.
    std::string_view signal_examples;
    // Bundled drivers of other systems, and what to say of them.
    std::map<std::string, std::string, std::less<>> drivers_elsewhere;
    // What daemons lose that go on without a manager; empty where that is nothing to speak of.
    std::string_view cost_of_keeping{};
    // The largest exit code of a process.
    std::uint32_t exit_code_most = 255;
    // Users have numbers, by which who asked for something can be told.
    bool user_numbers = true;
    // Files are named by the rules of Windows: case says nothing, devices are everywhere.
    bool windows_files = false;
    // Where daemons run that name no directory.
    std::string root_directory = "/";
};

const SystemWords& system_words();

// What tells a daemon whose account it runs in: HOME and its like.
std::vector<std::pair<std::string, std::string>> account_variables(const UserAccount& account);

}  // namespace syspulse::platform
