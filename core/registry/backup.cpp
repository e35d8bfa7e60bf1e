#include "registry/backup.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <system_error>

#include "registry/file_names.hpp"

namespace syspulse::registry {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours renewed_after{24};

// Nothing if it does not exist.
fs::file_time_type written_at(const fs::path& file) {
    std::error_code none;
    const auto time = fs::last_write_time(file, none);
    return none ? fs::file_time_type::min() : time;
}

std::string quoted(const fs::path& file) {
    std::string text = "'";
    for (const auto c : file.u8string()) {
        if (c == u8'\'') text += '\'';
        text += static_cast<char>(c);
    }
    return text + '\'';
}

}  // namespace

fs::path backup_of(const fs::path& file) {
    return with_suffix(file, ".backup");
}

void create_private(const fs::path& file) {
    std::error_code failure;
    if (!fs::exists(file, failure) && !failure) {
        // Failing here, SQLite fails too and knows the reason.
        std::ofstream(file, std::ios::app).close();
    }
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, failure);
}

Result<void> copy_into(const Database& database, const fs::path& copy) {
    const fs::path unfinished = with_suffix(copy, ".new");
    std::error_code failure;
    fs::remove(unfinished, failure);
    create_private(unfinished);
    auto copied = database.execute(("VACUUM INTO " + quoted(unfinished)).c_str());
    if (copied) {
        fs::rename(unfinished, copy, failure);
        if (failure) copied = Error{ErrorCode::unavailable, failure.message()};
    }
    if (!copied) fs::remove(unfinished, failure);
    return copied;
}

Result<void> renew_backup(const Database& database, const fs::path& file) {
    const auto kept = written_at(backup_of(file));
    const auto changed = std::max(written_at(file), written_at(with_suffix(file, "-wal")));
    const bool none = kept == fs::file_time_type::min();
    if (!none && changed - kept < renewed_after) return {};
    return copy_into(database, backup_of(file));
}

std::string where_backup_is(const fs::path& file) {
    std::error_code failure;
    const fs::path backup = backup_of(file);
    if (!fs::exists(backup, failure)) return {};
    return " (" + backup.filename().string() + " is one; move " + file.filename().string() +
           "-wal away as well)";
}

}  // namespace syspulse::registry
