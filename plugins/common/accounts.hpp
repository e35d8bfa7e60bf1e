// The users that processes become. A directory service that does not answer must not hold up the
// loop: each question is asked on a thread of its own, and who has waited long enough gets what was
// known before.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/child.hpp"
#include "common/spawn_plan.hpp"

namespace syspulse::plugins {

class Accounts {
  public:
    // As resolve_user(); called on any thread, also after the Accounts are gone.
    using Lookup = std::function<std::optional<Credentials>(const std::string&)>;

    explicit Accounts(Lookup lookup = resolve_user,
                      std::chrono::milliseconds patience = std::chrono::milliseconds{200});

    // Throws what the look-up throws, or sdk::Error with SYSP_E_BUSY when nobody answers and
    // nothing is known. As long as a question is open, it is not asked again nor waited for.
    std::optional<Credentials> of(const std::string& user);

  private:
    struct Question;
    struct Known {
        std::shared_ptr<Question> open;
        std::optional<std::optional<Credentials>> answer;  // The latest.
    };

    std::shared_ptr<Question> ask(const std::string& user) const;
    std::optional<Credentials> take(Known& known) const;

    Lookup lookup_;
    std::chrono::milliseconds patience_;
    std::map<std::string, Known> known_;
};

}  // namespace syspulse::plugins
