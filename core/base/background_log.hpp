// The log of a process that must not wait for whoever reads its stderr.
#pragma once

namespace syspulse::log {

// While one exists, a thread of its own writes to stderr, so that somebody who does not read holds
// up nobody; some hundred KiB wait, and later messages are lost and counted. Ending waits a moment
// for a slow reader.
class Background {
  public:
    Background();
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
};

}  // namespace syspulse::log
