// Lets the keeper hold the pipes that daemons write to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "keeper/link.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::manager {

class HeldPipes final : public platform::PipeHolder {
  public:
    explicit HeldPipes(keeper::Link& link) : link_(link) {}

    bool hold(const std::filesystem::path& path, platform::NativeHandle reader,
              platform::NativeHandle writer) override {
        return link_.hold_pipe(name_of(path), {reader, writer});
    }
    std::optional<Ends> find(const std::filesystem::path& path) override {
        const auto held = link_.held_pipe(name_of(path));
        if (!held) return std::nullopt;
        return Ends{platform::OwnedHandle(held->reader), platform::OwnedHandle(held->writer)};
    }
    void drop(const std::filesystem::path& path) override { link_.drop_pipe(name_of(path)); }

  private:
    // FNV-1a; of 64 bits, so that of all paths of one data directory no two have the same.
    static std::uint64_t name_of(const std::filesystem::path& path) {
        std::uint64_t hash = 14'695'981'039'346'656'037ULL;
        for (const char8_t c : path.u8string()) hash = (hash ^ c) * 1'099'511'628'211ULL;
        return hash == 0 ? 1 : hash;
    }

    keeper::Link& link_;
};

}  // namespace syspulse::manager
