// The API's objects as JSON text and, for the daemon object, back. Absent values are null, times
// are RFC 3339 in UTC with milliseconds, signals are names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/control_service.hpp"
#include "base/result.hpp"
#include "model/daemon_view.hpp"
#include "model/journal.hpp"

namespace syspulse::api {

std::string to_json(const model::DaemonView& daemon);
std::string to_json(const std::vector<model::DaemonView>& daemons);
std::string to_json(const model::HistoryEntry& entry);
// With `object` as it is, for its daemon_object.
std::string to_json(const model::HistoryEntry& entry, std::string_view object);
std::string to_json(const ManagerInfo& info);
std::string to_json(const std::vector<PluginView>& plugins);
std::string to_json(const AddOutcome& outcome);

// An exit that was lost reads back as no exit: neither has a code nor a signal. Unknown members are
// ignored, so that an older client understands a newer manager.
Result<model::DaemonView> parse_daemon(std::string_view json);

}  // namespace syspulse::api
