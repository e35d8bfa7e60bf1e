#include "manager/environment.hpp"
#include "platform/system_words.hpp"

#include <algorithm>
#include <array>

namespace syspulse::manager {
namespace {

// What a service manager told this process; it is nobody else's business.
constexpr std::array<std::string_view, 6> service_manager{
    "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

}  // namespace

BaseEnvironment::BaseEnvironment(const platform::EnvironmentLookup& lookup) {
    common_.emplace_back("PATH", lookup("PATH").value_or(platform::system_words().default_path));
    for (const std::string_view name : platform::system_words().inherited_variables) {
        if (auto value = lookup(name)) common_.emplace_back(name, std::move(*value));
    }
}

BaseEnvironment::BaseEnvironment(std::vector<std::pair<std::string, std::string>> inherited)
    : inherits_(true) {
    common_.emplace_back("PATH", platform::system_words().default_path);
    for (auto& variable : inherited) {
        const bool private_one = std::find(service_manager.begin(), service_manager.end(),
                                           variable.first) != service_manager.end();
        if (!private_one) common_.push_back(std::move(variable));
    }
}

std::vector<std::pair<std::string, std::string>> BaseEnvironment::of(
    const std::string& user, const std::optional<platform::UserAccount>& account) const {
    std::vector<std::pair<std::string, std::string>> environment;
    if (account) environment = platform::account_variables(*account);
    const bool account_is_ours = inherits_ && user.empty();
    environment.insert(account_is_ours ? environment.end() : environment.begin(), common_.begin(),
                       common_.end());
    return environment;
}

}  // namespace syspulse::manager
