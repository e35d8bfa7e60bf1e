// Space that is taken while there is some and given back for the last records when the disk is
// full: a file that means nothing.
#pragma once

#include <filesystem>

namespace syspulse::registry {

class Reserve {
  public:
    // Makes the file unless it is there. On a full disk there is none.
    explicit Reserve(std::filesystem::path file);

    // Removes the file; false if there was none.
    bool give();

  private:
    std::filesystem::path file_;
};

}  // namespace syspulse::registry
