// The Asio context behind the system event loop. Only core/api uses it, to run Beast on the
// manager's loop; everything else sees platform::EventLoop.
#pragma once

#include "platform/event_loop.hpp"

namespace boost::asio {
class io_context;
}

namespace syspulse::platform {

// `loop` must come from make_event_loop(). The context lives as long as the loop.
boost::asio::io_context& asio_context(EventLoop& loop);

}  // namespace syspulse::platform
