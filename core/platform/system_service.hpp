// The manager as a service of the system, on systems that start programs as services (Windows).
// Elsewhere these fail and say what does it instead.
#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::platform {

struct SystemService {
    std::string name;
    std::vector<std::string> arguments;  // Of this very program, when the system starts it.
};

// Registers it to start with the system, and to be started again when it fails.
Result<void> install_system_service(const SystemService& service);

// Stops it first when it runs.
Result<void> uninstall_system_service(const std::string& name);

// Runs `body` as the service and gives what it gives; fails when the system did not start this
// process as a service. The system's wish to stop comes as SIGTERM to watch_signals(), and the
// service runs and stops for it when notify_service_manager() says so.
Result<int> run_system_service(const std::string& name, const std::function<int()>& body);

// An error of that service, where the system's administrators look for such; as far as that works.
void tell_system_log(const std::string& name, const std::string& message);

// Where such a service keeps its data unless told otherwise; empty where there are none.
std::filesystem::path system_service_data_dir();

// For a process without a standard error: a file to whose end it writes instead, and programs that
// inherit its standard error, too. It is put aside as FILE.1 when it has become large.
Result<std::FILE*> open_error_file(const std::filesystem::path& file);

}  // namespace syspulse::platform
