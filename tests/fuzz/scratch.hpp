// What fuzz targets share: a directory in memory, where there is one, for those that read files,
// and ways to cut the input.
#pragma once

#include <filesystem>
#include <string_view>

#include "support/temporary_directory.hpp"

namespace syspulse::fuzz {

class Scratch {
  public:
    const std::filesystem::path& path() const { return directory_.path(); }
    void write(const std::filesystem::path& file, std::string_view bytes) const {
        test::write_file(path() / file, bytes);
    }

  private:
    static std::filesystem::path memory() {
        const std::filesystem::path shared = "/dev/shm";
        std::error_code failed;
        return std::filesystem::is_directory(shared, failed)
                   ? shared
                   : std::filesystem::temp_directory_path();
    }

    test::TemporaryDirectory directory_{memory()};
};

// Cuts off and returns what stands before the first separator; everything if there is none.
inline std::string_view take_until(std::string_view& text, char separator) {
    const std::string_view taken = text.substr(0, text.find(separator));
    text.remove_prefix(taken.size() < text.size() ? taken.size() + 1 : text.size());
    return taken;
}

}  // namespace syspulse::fuzz
