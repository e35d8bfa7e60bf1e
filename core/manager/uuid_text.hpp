// What names a daemon for ever: mostly a UUID as this manager writes it, which takes its 16 bytes
// here and no room elsewhere. Any other text that a registry holds is kept as it is.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/rare_text.hpp"

namespace syspulse::manager {

class UuidText {
  public:
    UuidText(const std::string& text);  // NOLINT: it is one.

    std::string text() const;

  private:
    std::array<std::uint8_t, 16> bytes_{};
    RareText other_;  // Instead of them.
};

}  // namespace syspulse::manager
