#include "registry/checkpointer.hpp"

#include <utility>

#include "base/log.hpp"
#include "registry/backup.hpp"

namespace syspulse::registry {

Result<std::unique_ptr<Checkpointer>> Checkpointer::start(const std::filesystem::path& file,
                                                          bool backup) {
    auto database = Database::open(file, Database::Access::read_write);
    if (!database) return database.error();
    database->set_checkpoint_on_close(false);
    // It reads whole pages from the log into the file and has no use for a cache.
    if (auto set = database->execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16"); !set)
        return set.error();
    return std::unique_ptr<Checkpointer>(new Checkpointer(std::move(*database), file, backup));
}

Checkpointer::Checkpointer(Database database, std::filesystem::path file, bool backup)
    : database_(std::move(database)),
      file_(std::move(file)),
      backup_(backup),
      thread_([this] { work(); }) {}

Checkpointer::~Checkpointer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    database_.interrupt();  // A backup may be large; the next start makes it.
    thread_.join();
}

void Checkpointer::request() {
    {
        const std::lock_guard lock(mutex_);
        requested_ = true;
    }
    changed_.notify_one();
}

// What fails here is tried again with the next request, and in the end by the loop thread, which
// reports it.
void Checkpointer::work() {
    const auto kept = backup_ ? renew_backup(database_, file_) : Result<void>();
    std::unique_lock lock(mutex_);
    if (!kept && !stopping_) {
        log::warn("cannot renew " + backup_of(file_).string() + ": " + kept.error().message);
    }
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || requested_; });
        if (stopping_) return;
        requested_ = false;
        lock.unlock();
        static_cast<void>(database_.checkpoint().has_value());
        lock.lock();
    }
}

}  // namespace syspulse::registry
