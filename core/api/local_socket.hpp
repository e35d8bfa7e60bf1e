// The names of the local endpoint's words that this folder uses.
#pragma once

#include "platform/local_socket.hpp"

namespace syspulse::api {

using platform::bind_endpoint;
using platform::connect_endpoint;
using platform::Endpoint;
using platform::has_vanished;
using platform::is_own_user;
using platform::peer_of;
using platform::process_behind;
using platform::send_at_once;
using platform::SocketFile;
using platform::SocketHandle;
using platform::wait_for_end;

}  // namespace syspulse::api
