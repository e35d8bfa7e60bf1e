#include "platform/local_stream.hpp"

namespace syspulse::platform {

struct EndpointFileWatch::Native {};

EndpointFileWatch::EndpointFileWatch(boost::asio::io_context&, const std::string&,
                                     std::function<void()>) {}
EndpointFileWatch::~EndpointFileWatch() = default;

}  // namespace syspulse::platform
