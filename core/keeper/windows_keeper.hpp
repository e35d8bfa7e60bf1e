// The keeper on Windows: the process that the user or the service control manager has started. It
// holds the lock of the data directory and what managers give it to hold, see windows_board.hpp,
// starts the next manager when one ends unasked, and ends after them.
#pragma once

#include <windows.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::keeper {

struct KeeperWork {
    HANDLE lock = nullptr;  // Borrowed for the keeper's life.
    // Starts a manager, which inherits these handles and this process's environment, and gives a
    // handle of its process. `program` is its file, empty for this process's own. A manager ends
    // with this process.
    std::function<Result<HANDLE>(const std::vector<HANDLE>& handles, const std::string& program)>
        start_manager;
    std::function<void()> serving;   // A manager does.
    std::function<void()> stopping;  // A manager stops all daemons.
};

class Keeper {
  public:
    static Result<std::unique_ptr<Keeper>> make(KeeperWork work);
    virtual ~Keeper() = default;

    // To its end; the exit code of the last manager.
    virtual int run() = 0;
    // Passes a signal on to the manager, SIGTERM or SIGINT by its number. [any thread]
    virtual void pass_on(int signal) = 0;
};

}  // namespace syspulse::keeper
