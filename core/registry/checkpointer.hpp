// Writes the registry's log (-wal) back into the file on a thread of its own, because that waits
// for the disk, which no turn of the loop should; and, before that, renews the backup.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "registry/sqlite_handle.hpp"

namespace syspulse::registry {

// Sleeps until asked; nothing wakes it up in between.
class Checkpointer {
  public:
    // Opens a connection of its own to the file, which exists already. With `backup`, what the file
    // holds now is worth one.
    static Result<std::unique_ptr<Checkpointer>> start(const std::filesystem::path& file,
                                                       bool backup);
    ~Checkpointer();
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;

    // [any thread]
    void request();

  private:
    Checkpointer(Database database, std::filesystem::path file, bool backup);
    void work();

    Database database_;
    const std::filesystem::path file_;
    const bool backup_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool requested_ = false;
    bool stopping_ = false;
    std::thread thread_;  // Last: it uses the others.
};

}  // namespace syspulse::registry
