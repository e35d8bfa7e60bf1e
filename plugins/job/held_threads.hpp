// Holding all that is in a job still: each of its threads is suspended, and those that they make
// meanwhile. Windows has a call that freezes a whole job, but tells nobody of it, and Wine lacks
// it; suspending a thread it does tell of.
#pragma once

#include <map>

#include "job/job_object.hpp"

namespace syspulse::plugins::job {

// The threads of the whole system, by the process that they belong to.
using ThreadsByProcess = std::multimap<DWORD, DWORD>;
ThreadsByProcess list_threads();

class HeldThreads {
  public:
    // Returns when none of its threads runs. Throws sdk::Error, and then holds none. Those that are
    // held already stay so.
    void hold(const JobObject& job);
    // Each as often as it was held, so that what a process has suspended itself stays suspended.
    void let_go() noexcept;
    // Whoever has suspended them, as often as that was. Throws sdk::Error.
    static void free_all(const JobObject& job);
    // Of a process that no thread runs of: takes over all of its job that somebody has suspended,
    // to let it go later. False, and nothing is taken over, if one of its threads may run; `all` is
    // where they are looked for.
    bool take_over(const ThreadsByProcess& all, const JobObject& job, DWORD pid);

  private:
    // By number, which is nobody else's as long as there is a handle.
    std::map<DWORD, windows::UniqueHandle> threads_;
};

}  // namespace syspulse::plugins::job
