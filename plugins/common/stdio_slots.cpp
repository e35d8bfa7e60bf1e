#include "common/stdio_slots.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <mutex>
#include <vector>

#include "common/unique_fd.hpp"

namespace syspulse::plugins {

class StdioSlots {
  public:
    StdioSlots() : null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {
        constexpr int above_the_streams = 3;
        // Kernels before 5.9 and some sandboxes have no close_range.
        if (!null_ || ::syscall(SYS_close_range, ~0U, ~0U, 0) != 0) return;
        for (UniqueFd& slot : slots_) {
            slot = UniqueFd{::fcntl(null_.get(), F_DUPFD_CLOEXEC, above_the_streams)};
            if (!slot) return;
            end_ = std::max(end_, static_cast<unsigned>(slot.get()) + 1);
        }
        usable_ = true;
    }

    bool fill(const std::array<int, 3>& stdio) {
        for (std::size_t i = 0; usable_ && i < slots_.size(); ++i) {
            if (stdio[i] >= 0 && ::dup3(stdio[i], slots_[i].get(), O_CLOEXEC) < 0) return false;
        }
        return usable_;
    }
    void clear(const std::array<int, 3>& stdio) {
        for (std::size_t i = 0; usable_ && i < slots_.size(); ++i) {
            if (stdio[i] >= 0) (void)::dup3(null_.get(), slots_[i].get(), O_CLOEXEC);
        }
    }
    std::array<int, 3> descriptors() const {
        return {slots_[0].get(), slots_[1].get(), slots_[2].get()};
    }
    unsigned end() const { return end_; }

  private:
    UniqueFd null_;
    std::array<UniqueFd, 3> slots_;
    unsigned end_ = 0;
    bool usable_ = false;
};

namespace {

class SlotPool {
  public:
    void prepare(std::size_t launches) {
        const std::lock_guard lock{mutex_};
        while (all_.size() < std::min(launches, most)) free_.push_back(&all_.emplace_back());
    }
    StdioSlots* take() {
        const std::lock_guard lock{mutex_};
        if (free_.empty() && all_.size() < most) free_.push_back(&all_.emplace_back());
        if (free_.empty()) return nullptr;
        StdioSlots* const taken = free_.back();
        free_.pop_back();
        return taken;
    }
    void give_back(StdioSlots* slots) {
        const std::lock_guard lock{mutex_};
        free_.push_back(slots);
    }

  private:
    static constexpr std::size_t most = 4;

    std::mutex mutex_;
    std::deque<StdioSlots> all_;
    std::vector<StdioSlots*> free_;
};

// Never destroyed: a thread may launch while the process exits.
SlotPool& pool() {
    static SlotPool& all = *new SlotPool;
    return all;
}

}  // namespace

void prepare_stdio_slots(std::size_t launches) {
    pool().prepare(launches);
}

StdioLease::StdioLease(const std::array<int, 3>& stdio) : stdio_(stdio), slots_(pool().take()) {
    filled_ = slots_ != nullptr && slots_->fill(stdio);
}

StdioLease::~StdioLease() {
    if (slots_ == nullptr) return;
    const int error = errno;
    slots_->clear(stdio_);
    pool().give_back(slots_);
    errno = error;
}

std::array<int, 3> StdioLease::descriptors() const {
    return slots_->descriptors();
}

unsigned StdioLease::end() const {
    return slots_->end();
}

}  // namespace syspulse::plugins
