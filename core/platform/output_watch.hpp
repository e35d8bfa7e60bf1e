// Tells when log files grow or are replaced, without polling.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

class OutputWatch {
  public:
    virtual ~OutputWatch() = default;

    // Becomes readable when something has changed; for EventLoop::watch().
    virtual NativeHandle handle() const = 0;
    // Reports what is created, removed or renamed in the directory, not what is written to files
    // there, nor its own removal.
    virtual Result<void> add_directory(const std::filesystem::path& path) = 0;
    // Reports changes of the file that now has this name. Asking again for the same file does
    // nothing.
    virtual Result<void> add_file(const std::filesystem::path& path) = 0;
    // Forgets what was reported so far, and files that no longer exist.
    virtual void drain() = 0;
};

Result<std::unique_ptr<OutputWatch>> make_output_watch();

}  // namespace syspulse::platform
