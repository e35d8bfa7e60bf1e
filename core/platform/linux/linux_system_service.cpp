#include "platform/system_service.hpp"

namespace syspulse::platform {
namespace {

Error elsewhere(const std::string& what) {
    return {ErrorCode::unsupported,
            "cannot " + what +
                ": only Windows has such services; here run syspulse daemon, for example as a unit "
                "of systemd, for which lib/systemd/system/syspulse.service is installed"};
}

}  // namespace

Result<void> install_system_service(const SystemService& service) {
    return elsewhere("install the service " + service.name);
}

Result<void> uninstall_system_service(const std::string& name) {
    return elsewhere("uninstall the service " + name);
}

Result<int> run_system_service(const std::string& name, const std::function<int()>&) {
    return elsewhere("run as the service " + name);
}

void tell_system_log(const std::string&, const std::string&) {}

std::filesystem::path system_service_data_dir() {
    return {};
}

Result<std::FILE*> open_error_file(const std::filesystem::path&) {
    return elsewhere("redirect standard error");
}

}  // namespace syspulse::platform
