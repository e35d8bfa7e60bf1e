// A directory in memory, where there is one, for targets that read files; removed when the process
// ends.
#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace syspulse::fuzz {

class Scratch {
  public:
    Scratch() {
        const std::filesystem::path memory = "/dev/shm";
        std::error_code failed;
        const auto root = std::filesystem::is_directory(memory, failed)
                              ? memory
                              : std::filesystem::temp_directory_path();
        std::string name = (root / "syspulse-fuzz-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    const std::filesystem::path& path() const { return path_; }
    void write(const std::filesystem::path& file, std::string_view bytes) const {
        std::ofstream(path_ / file, std::ios::binary | std::ios::trunc) << bytes;
    }

  private:
    std::filesystem::path path_;
};

// Cuts off and returns what stands before the first separator; everything if there is none.
inline std::string_view take_until(std::string_view& text, char separator) {
    const std::string_view taken = text.substr(0, text.find(separator));
    text.remove_prefix(taken.size() < text.size() ? taken.size() + 1 : text.size());
    return taken;
}

}  // namespace syspulse::fuzz
