// Makes the capture of daemons' output into rotated log files:
//
//   <logs_dir>/<daemon>/stdout.log            what is being written
//   <logs_dir>/<daemon>/stdout.log.1[.gz] ...   older parts, 1 is the newest
//   <logs_dir>/<daemon>/.stdout.index         when which byte came, see time_index.hpp
//   <logs_dir>/<daemon>/.stdout.fifo          the pipe that the daemon writes to
//
// and the same for stderr. One thread moves the bytes of as many daemons as its
// descriptors allow, which is all of them as a rule; another one compresses.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "platform/clock.hpp"
#include "platform/output_capture.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::logs {

// The clock must outlive the capture. Destroying the capture writes out what the pipes hold;
// daemons may go on writing into their pipes, and the next capture on the same directory goes on
// from there. Fails where no descriptors or threads are left for it. Its threads may have a table
// of descriptors of their own, in which `kept` stays what it is: an event loop's wake_handle(), so
// that they can post to it what they are asked to tell. `holder` is for make_output_pipes().
Result<std::unique_ptr<platform::OutputCapture>> make_capture(
    std::filesystem::path logs_dir, const platform::Clock& clock,
    platform::NativeHandle kept = platform::no_handle, platform::PipeHolder* holder = nullptr);

}  // namespace syspulse::logs
