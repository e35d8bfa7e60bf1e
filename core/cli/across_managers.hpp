// Streams that outlast a manager: when it is replaced, they go on with the next one.
#pragma once

#include <functional>

#include "cli/context.hpp"

namespace syspulse::cli {

// Calls `stream` anew after each manager that went away in the middle of it. `stream` connects,
// goes on from where it was, and sets its argument once something has come. An Error `unavailable`
// once no manager has come back for a while. A first one that is not there is not waited for.
Result<Response> across_managers(const Context& context,
                                 const std::function<Result<Response>(bool& heard)>& stream);

}  // namespace syspulse::cli
