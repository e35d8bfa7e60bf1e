// A new plugin project from the templates that are installed with the program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::cli {

struct PluginProject {
    std::string language;  // c++, c or rust.
    std::string kind;      // checker, async-checker or driver.
    std::string name;      // What specs will say; also the name of the folder.
};

// Whether a driver or checker may have this name: [a-z][a-z0-9-]{0,31}.
bool is_kind_name(const std::string& name);

// Writes the project to `target`, which must not exist, and gives the files it wrote, relative to
// it.
Result<std::vector<std::filesystem::path>> create_plugin_project(
    const std::filesystem::path& templates, const PluginProject& project,
    const std::filesystem::path& target);

}  // namespace syspulse::cli
