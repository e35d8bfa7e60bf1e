// A number for all that happened in a life: two lives that differ anywhere give two numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace syspulse::simulation {

// FNV-1a.
class Digest {
  public:
    void add(std::string_view text) {
        for (const char c : text) take(static_cast<unsigned char>(c));
        add(text.size());
    }
    void add(std::uint64_t number) {
        for (int shift = 0; shift < 64; shift += 8)
            take(static_cast<unsigned char>((number >> shift) & 0xFF));
    }
    std::uint64_t value() const { return value_; }

  private:
    void take(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001B3ULL; }

    std::uint64_t value_ = 0xCBF29CE484222325ULL;
};

}  // namespace syspulse::simulation
