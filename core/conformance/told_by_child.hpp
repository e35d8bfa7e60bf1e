// A part of a case in a process of its own, which is killed once it has said what it has to say.
#pragma once

#include <functional>
#include <string>

#include "base/time.hpp"

namespace syspulse::conformance {

// Forks; `body` gives what the child is to say, and then `after` runs in it until it is killed.
// Empty when it ends without a word, or says nothing within `limit`. To be called while this
// process has no threads.
std::string told_by_child(Duration limit, const std::function<std::string()>& body,
                          const std::function<void()>& after = {});

}  // namespace syspulse::conformance
