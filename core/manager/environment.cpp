#include "manager/environment.hpp"

#include <array>

namespace syspulse::manager {
namespace {

constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::array<std::string_view, 5> inherited{"LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE", "TZ"};

}  // namespace

BaseEnvironment::BaseEnvironment(platform::EnvironmentLookup lookup) {
    common_.emplace_back("PATH", lookup("PATH").value_or(std::string(default_path)));
    for (const std::string_view name : inherited) {
        if (auto value = lookup(name)) common_.emplace_back(name, std::move(*value));
    }
}

std::vector<std::pair<std::string, std::string>> BaseEnvironment::of(const std::string& user) {
    const auto found = of_user_.find(user);
    if (found != of_user_.end()) return found->second;
    auto environment = common_;
    const auto account = user.empty() ? platform::current_user() : platform::find_user(user);
    if (account) {
        environment.emplace_back("HOME", account->home);
        environment.emplace_back("USER", account->name);
        environment.emplace_back("LOGNAME", account->name);
        environment.emplace_back("SHELL", account->shell);
    }
    return of_user_.emplace(user, std::move(environment)).first->second;
}

}  // namespace syspulse::manager
