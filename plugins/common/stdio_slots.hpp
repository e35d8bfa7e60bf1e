// Three descriptors of the parent with low numbers, which carry a child's standard streams while it
// starts and the null device at all other times. A child that shares the parent's descriptor table
// copies only what lies below their end, so that a start costs the same however many are open.
#pragma once

#include <array>
#include <cstddef>

namespace syspulse::plugins {

class StdioSlots;

// As many as there are launches at the same time, while low numbers are free. [any thread]
void prepare_stdio_slots(std::size_t launches);

// Fills slots for the time of one launch. [any thread]
class StdioLease {
  public:
    // -1 stands for the null device.
    explicit StdioLease(const std::array<int, 3>& stdio);
    // Nobody but the child is to hold the streams open. Leaves errno alone.
    ~StdioLease();
    StdioLease(const StdioLease&) = delete;
    StdioLease& operator=(const StdioLease&) = delete;

    // False: the kernel cannot, or too many launches are under way; the child has to take the
    // ordinary way.
    explicit operator bool() const { return filled_; }
    std::array<int, 3> descriptors() const;
    // Above the highest of them.
    unsigned end() const;

  private:
    std::array<int, 3> stdio_;
    StdioSlots* slots_;
    bool filled_ = false;
};

}  // namespace syspulse::plugins
