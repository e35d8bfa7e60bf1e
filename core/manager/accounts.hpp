// The accounts that daemons run as. A directory service that does not answer holds up nobody but
// the daemons of the account that is asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bounded_question.hpp"
#include "platform/users.hpp"

namespace syspulse::manager {

// What the system knows of a daemon's `user`, which may be empty.
struct Account {
    bool exists = false;                         // As platform::user_exists().
    bool is_root = false;                        // As platform::is_root().
    bool may_become = false;                     // As platform::may_become().
    std::optional<std::uint32_t> number;         // As platform::user_number().
    std::optional<platform::UserAccount> entry;  // None for a number that has no name.
};

// [any thread]
Account look_up_account(const std::string& user);

// [loop thread]
class Accounts {
  public:
    // Asks for this process's own user at once, and waits for that.
    explicit Accounts(BoundedQuestion<Account>::Ask look_up = look_up_account,
                      std::chrono::milliseconds patience = std::chrono::milliseconds{500});

    // Asks each time, as accounts come and go, and falls back to what was known when nobody
    // answers. Nothing: nobody has ever answered. Our own user, "", is never asked for again.
    std::optional<Account> of(const std::string& user);

  private:
    std::map<std::string, Account> known_;
    BoundedQuestion<Account> question_;
};

}  // namespace syspulse::manager
