// The bodies of long answers: log lines and events, read at the client's pace.
#pragma once

#include <functional>
#include <memory>

#include "api/control_service.hpp"
#include "logs/reader.hpp"
#include "manager/conductor.hpp"

namespace syspulse::manager {

// Runs a task on another thread, which ends before the loop does.
using Background = std::function<void(std::function<void()> task)>;

std::unique_ptr<api::TextStream> open_text(platform::EventLoop& loop, Background background,
                                           logs::Reader reader, api::Readable readable);

Result<logs::Query> reader_query(const api::LogQuery& query, bool stamped, WallTime now);

// Goes on with what comes, and ends when the daemon is removed. With `marks` as pieces that begin
// with a line of their own: their size in bytes and the mark of their end.
Result<std::unique_ptr<api::TextStream>> follow_text(platform::EventLoop& loop,
                                                     Background background, logs::Reader reader,
                                                     Conductor& conductor, std::string daemon,
                                                     bool marks, api::Readable readable);

Result<std::unique_ptr<api::EventStream>> open_events(platform::EventLoop& loop,
                                                      Conductor& conductor,
                                                      const api::EventQuery& query, WallTime now,
                                                      api::Readable readable);

}  // namespace syspulse::manager
