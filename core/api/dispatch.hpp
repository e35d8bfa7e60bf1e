// From a parsed call to the service and from the service's result to an answer. Knows no sockets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "api/api_error.hpp"
#include "api/control_service.hpp"
#include "api/router.hpp"

namespace syspulse::api {

struct JsonAnswer {
    std::string body;
};

struct StreamAnswer {
    std::string_view content_type;  // A literal.
    std::unique_ptr<TextStream> stream;
};

using Answer = std::variant<JsonAnswer, StreamAnswer, ApiError>;
using AnswerHandler = std::function<void(Answer)>;

// `done` is called exactly once if the service keeps its promise, perhaps before dispatch()
// returns. `readable` is handed to the streams.
void dispatch(ParsedCall call, ControlService& service, const Peer& peer, Readable readable,
              AnswerHandler done);

}  // namespace syspulse::api
