#include "registry/registry_file.hpp"

#include <array>
#include <fstream>
#include <string>
#include <system_error>

#include "registry/backup.hpp"
#include "registry/file_names.hpp"
#include "registry/migrations.hpp"

namespace syspulse::registry {

namespace {

namespace fs = std::filesystem;

// The first bytes of every SQLite file: https://www.sqlite.org/fileformat2.html#the_database_header
constexpr std::size_t header_size = 100;
constexpr std::string_view header_magic{"SQLite format 3\0", 16};
using Header = std::array<unsigned char, header_size>;

// A sibling such as "syspulse.db-wal" that holds something: the file alone is not the whole truth.
bool has_pending(const fs::path& file, const char* suffix) {
    std::error_code ignored;
    const auto size = fs::file_size(with_suffix(file, suffix), ignored);
    return !ignored && size > 0;
}

std::uint32_t big_endian(const Header& header, std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | header[at + i];
    return value;
}

Error damaged(const std::string& cause) {
    return {ErrorCode::corrupt,
            cause + "; move the file away to start anew, or put a backup in its place"};
}

// Finds foreign and shortened files by their first bytes, before SQLite gets to see them.
Result<void> check_header(const fs::path& file, std::uintmax_t size, bool pending) {
    Header header{};
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return Error{ErrorCode::permission_denied, "it cannot be read"};
    stream.read(reinterpret_cast<char*>(header.data()), header_size);
    const std::string_view magic(reinterpret_cast<const char*>(header.data()), header_magic.size());
    if (stream.gcount() < static_cast<std::streamsize>(header_size) || magic != header_magic) {
        return damaged("it is not a registry file");
    }
    // A value of 1 stands for 65536. While a log is pending, the file may rightly be shorter.
    const std::uint32_t raw = big_endian(header, 16, 2);
    const std::uintmax_t page_size = raw == 1 ? 65536 : raw;
    const std::uintmax_t pages = big_endian(header, 28, 4);
    if (!pending && size < page_size * pages) {
        return damaged("it is cut short: " + std::to_string(size) + " of " +
                       std::to_string(page_size * pages) + " bytes are left");
    }
    return {};
}

Result<void> check_version(const Database& database) {
    const auto version = database.query_integer("PRAGMA user_version");
    if (!version) return version.error();
    const auto id = database.query_integer("PRAGMA application_id");
    if (!id) return id.error();
    const auto tables = database.query_integer("SELECT count(*) FROM sqlite_schema");
    if (!tables) return tables.error();
    const bool blank = *version == 0 && *id == 0 && *tables == 0;
    if (*id != application_id && !blank) {
        return damaged("it is a SQLite file of another program");
    }
    const auto known = static_cast<std::int64_t>(migrations().size());
    if (*version > known) {
        return Error{ErrorCode::unsupported,
                     "it has layout " + std::to_string(*version) + ", this syspulse knows up to " +
                         std::to_string(known) + "; use the newer syspulse that wrote it"};
    }
    return {};
}

// Looks only at the small tables: history may be long, and a line lost there harms no daemon.
Result<void> check_tables(const Database& database) {
    const auto version = database.query_integer("PRAGMA user_version");
    if (!version) return version.error();
    if (*version == 0) return {};
    for (const char* check : {"PRAGMA quick_check(meta)", "PRAGMA quick_check(specs)",
                              "PRAGMA quick_check(instances)"}) {
        const auto verdict = database.query_text(check);
        if (!verdict) return verdict.error();
        if (*verdict != "ok") return damaged("it is damaged (" + *verdict + ")");
    }
    return {};
}

Result<void> look(const Database& database) {
    if (auto version = check_version(database); !version) return version;
    return check_tables(database);
}

// Judges an existing file without writing to it or beside it, and tells whether it has looked at
// what is in it. With a log pending, only SQLite can tell what that is, so that the look happens on
// the real connection.
Result<bool> inspect(const fs::path& file, bool pending) {
    std::error_code failure;
    const auto size = fs::file_size(file, failure);
    if (failure) return Error{ErrorCode::unavailable, failure.message()};
    if (size == 0) return false;
    if (auto header = check_header(file, size, pending); !header) return header.error();
    if (pending) return false;
    auto database = Database::open(file, Database::Access::immutable);
    if (!database) return database.error();
    if (auto fine = look(*database); !fine) return fine.error();
    return true;
}

// A copy that the program of the old layout can go on with, as "<file>.layout1".
Result<void> back_up(const Database& database, const fs::path& file, std::int64_t version) {
    return copy_into(database, with_suffix(file, ".layout" + std::to_string(version)));
}

Result<void> migrate(const Database& database, const fs::path& file) {
    const auto version = database.query_integer("PRAGMA user_version");
    if (!version) return version.error();
    const auto steps = migrations();
    if (*version > 0 && static_cast<std::size_t>(*version) < steps.size()) {
        if (auto kept = back_up(database, file, *version); !kept)
            return kept.error().with("cannot copy it before it gets the new layout");
    }
    for (auto at = static_cast<std::size_t>(*version); at < steps.size(); ++at) {
        if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
        const Transaction transaction(database);
        if (auto step = database.execute(steps[at]); !step) return step;
        const std::string finish = "PRAGMA application_id = " + std::to_string(application_id) +
                                   "; PRAGMA user_version = " + std::to_string(at + 1) + "; COMMIT";
        if (auto finished = database.execute(finish.c_str()); !finished) return finished;
    }
    return {};
}

// synchronous: commits reach the kernel, and checkpoints the disk. See docs/registry.md.
//
// ignore_check_constraints: what CHECK asks of a word, an enumeration warrants; for each row that
// is written SQLite would build a table in memory of the words that are allowed, which costs as
// much as writing the row.
//
// journal_size_limit: above what the log grows to before it starts anew, because cutting tens of
// MiB off a file would hold up the commit that does it for as many milliseconds.
constexpr const char* settings =
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA ignore_check_constraints = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -512;"
    "PRAGMA journal_size_limit = 100663296";

Result<void> prepare_file(const Database& database, const fs::path& file,
                          const RegistryOptions& options, bool looked) {
    database.set_busy_timeout(options.busy_timeout);
    database.set_checkpoint_on_close(false);
    if (!looked) {
        if (auto fine = look(database); !fine) return fine;
    }
    database.set_checkpoint_on_close(true);
    if (auto set = database.execute(settings); !set) return set;
    const auto mode = database.query_text("PRAGMA journal_mode = WAL");
    if (!mode) return mode.error();
    if (*mode != "wal") {
        return Error{ErrorCode::unsupported,
                     "its file system has no shared memory; use a local disk"};
    }
    if (options.max_pages.has_value()) {
        const std::string bound = "PRAGMA max_page_count = " + std::to_string(*options.max_pages);
        if (auto set = database.execute(bound.c_str()); !set) return set;
    }
    return migrate(database, file);
}

}  // namespace

Result<Database> open_file(const fs::path& file, const RegistryOptions& options) {
    const auto refusal = [&file](const Error& cause) {
        Error error = cause.with("cannot open the registry " + name_of(file));
        if (error.code == ErrorCode::corrupt) error.message += where_backup_is(file);
        return error;
    };
    std::error_code failure;
    bool looked = false;
    if (fs::exists(file, failure)) {
        const bool pending = has_pending(file, "-wal") || has_pending(file, "-journal");
        const auto fine = inspect(file, pending);
        if (!fine) return refusal(fine.error());
        looked = *fine;
    }
    create_private(file);
    auto database = Database::open(file, Database::Access::read_write);
    if (!database) return refusal(database.error());
    if (auto ready = prepare_file(*database, file, options, looked); !ready)
        return refusal(ready.error());
    return database;
}

}  // namespace syspulse::registry
