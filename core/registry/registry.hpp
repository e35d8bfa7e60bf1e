// What survives a restart of the manager, kept in one SQLite file. docs/registry.md tells what is
// promised after a crash and how the file is laid out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "model/journal.hpp"

namespace syspulse::registry {

struct RegistryOptions {
    std::size_t history_rows = 100'000;  // At most about this many lines of history.
    std::chrono::hours history_age = std::chrono::days{90};  // Older lines go.
    std::size_t runs_per_daemon = 100;                       // The latest runs that are kept.

    // Retention is looked after once per this many commits or lines of history, a bounded step at a
    // time, so that no commit pays for a long delete.
    std::uint32_t prune_every = 64;
    std::size_t prune_lines = 512;
    std::size_t prune_step = 256;  // Rows removed at most in one step, per table.
    // Daemons remembered at most because of new runs; when there are more, all are looked at.
    std::size_t prune_noted = 1024;

    // Waiting for another process that holds the file: when opening it, and later with each
    // commit, which must not hold up its thread; what cannot be written then is for the caller to
    // try again.
    std::chrono::milliseconds busy_timeout{2000};
    std::chrono::milliseconds commit_busy_timeout{20};
    bool reserve = false;  // Space is kept beside the file for the last records on a full disk.
    std::optional<std::uint32_t> max_pages{};  // A bound on the file's size, in pages of 4 KiB.
};

// Opens the registry, creates it (mode 0600) or brings it to the present layout. A file that is not
// a registry, is damaged, or was written by a newer version is refused (corrupt, unsupported) and
// left untouched. [loop thread]
Result<std::unique_ptr<model::Journal>> open_registry(const std::filesystem::path& file,
                                                      RegistryOptions options = {});

}  // namespace syspulse::registry
