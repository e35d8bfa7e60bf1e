#include "manager/accounts.hpp"

#include <utility>

namespace syspulse::manager {

Account look_up_account(const std::string& user) {
    return {user.empty() || platform::user_exists(user), platform::is_root(user),
            platform::may_become(user), platform::user_number(user),
            user.empty() ? platform::current_user() : platform::find_user(user)};
}

Accounts::Accounts(BoundedQuestion<Account>::Ask look_up, std::chrono::milliseconds patience)
    : known_{{"", look_up("")}}, question_(std::move(look_up), patience) {}

std::optional<Account> Accounts::of(const std::string& user) {
    const auto known = known_.find(user);
    if (user.empty()) return known->second;
    auto account = question_.of(user);
    if (account && account->exists) known_.insert_or_assign(user, *account);
    if (!account && known != known_.end()) return known->second;
    return account;
}

}  // namespace syspulse::manager
