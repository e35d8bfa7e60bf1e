// The environment that daemons start with, before their spec adds to it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/data_dir.hpp"
#include "platform/users.hpp"

namespace syspulse::manager {

// PATH, the language and the time zone come from the manager; HOME, USER, LOGNAME and SHELL from
// the account that the daemon runs as. Nothing else is inherited. [loop thread]
class BaseEnvironment {
  public:
    explicit BaseEnvironment(const platform::EnvironmentLookup& lookup);
    // All of these instead, but for what a service manager says to its child; an account other than
    // our own replaces HOME, USER, LOGNAME and SHELL.
    explicit BaseEnvironment(std::vector<std::pair<std::string, std::string>> inherited);

    // `account` is that of the user, if there is one. Where a name occurs twice, the later one
    // counts.
    std::vector<std::pair<std::string, std::string>> of(
        const std::string& user, const std::optional<platform::UserAccount>& account) const;

  private:
    bool inherits_ = false;
    std::vector<std::pair<std::string, std::string>> common_;
};

}  // namespace syspulse::manager
