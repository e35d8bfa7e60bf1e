#include "registry/sqlite_handle.hpp"

#include <system_error>

#include "registry/file_names.hpp"

namespace syspulse::registry {

namespace {

// SQLite's URI form, with the characters that mean something in a URI escaped.
std::string immutable_uri(const std::string& file) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const char c : file) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == '?' || c == '#') {
            uri += {'%', digits[byte >> 4U], digits[byte & 15U]};
        } else {
            uri += c;
        }
    }
    return uri + "?mode=ro&immutable=1";
}

// Once, before anything else of SQLite is called. For statistics of its memory, which nobody reads,
// it would take a lock with each of some eighty allocations that recording a start needs; and each
// connection would begin with room for 20 pages, of which an empty registry has use for few.
void configure_memory() {
    static const int set = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) |
                           sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
    static_cast<void>(set);
}

ErrorCode error_code(int code, int system_error) {
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return ErrorCode::corrupt;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return ErrorCode::permission_denied;
        case SQLITE_CANTOPEN: {
            const std::error_code cause(system_error, std::system_category());
            return cause == std::errc::permission_denied ? ErrorCode::permission_denied
                                                         : ErrorCode::unavailable;
        }
        case SQLITE_FULL:
        case SQLITE_BUSY:
        case SQLITE_IOERR:
            return ErrorCode::unavailable;
        case SQLITE_CONSTRAINT:
            return code == SQLITE_CONSTRAINT_FOREIGNKEY ? ErrorCode::not_found
                                                        : ErrorCode::already_exists;
        default:
            return ErrorCode::internal;
    }
}

std::string_view advice(int code) {
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return "; move the file away to start anew, or put a backup in its place";
        case SQLITE_READONLY:
            return "; make the file and its directory writable";
        case SQLITE_FULL:
            return "; free space on its disk";
        case SQLITE_BUSY:
            return "; another program holds it, end that program";
        default:
            return "";
    }
}

}  // namespace

void Statement::bind(int index, std::int64_t value) noexcept {
    sqlite3_bind_int64(handle_.get(), index + 1, value);
}

void Statement::bind(int index, std::string_view text) noexcept {
    // An empty view may have no address, which SQLite would take for NULL.
    const char* bytes = text.empty() ? "" : text.data();
    sqlite3_bind_text64(handle_.get(), index + 1, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind_null(int index) noexcept {
    sqlite3_bind_null(handle_.get(), index + 1);
}

Statement::Step Statement::step() noexcept {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return {true, SQLITE_OK};
    if (code == SQLITE_DONE) return {false, SQLITE_OK};
    return {false, code};
}

std::int64_t Statement::integer(int column) const noexcept {
    return sqlite3_column_int64(handle_.get(), column);
}

std::string Statement::text(int column) const {
    const unsigned char* bytes = sqlite3_column_text(handle_.get(), column);
    if (bytes == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    return {bytes, bytes + size};
}

bool Statement::is_null(int column) const noexcept {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

void Statement::reset() noexcept {
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get());
}

Result<Database> Database::open(const std::filesystem::path& file, Access access) {
    configure_memory();
    Database database;
    database.file_ = name_of(file);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    std::string name = database.file_;
    if (access == Access::immutable) {
        flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        name = immutable_uri(name);
    } else {
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    }
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
    database.handle_.reset(handle);
    if (code != SQLITE_OK) return database.error(code);
    return database;
}

Result<Statement> Database::prepare(const char* sql) const {
    sqlite3_stmt* handle = nullptr;
    const int code =
        sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return error(code);
    return Statement(handle);
}

Result<void> Database::execute(const char* sql) const {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error(code);
    return {};
}

Result<Statement> Database::first_row(const char* sql) const {
    auto statement = prepare(sql);
    if (!statement) return statement;
    const auto step = statement->step();
    if (step.code != SQLITE_OK) return error(step.code);
    if (!step.row) return Error{ErrorCode::corrupt, "a value is missing"};
    return statement;
}

Result<std::int64_t> Database::query_integer(const char* sql) const {
    const auto row = first_row(sql);
    if (!row) return row.error();
    return row->integer(0);
}

Result<std::string> Database::query_text(const char* sql) const {
    const auto row = first_row(sql);
    if (!row) return row.error();
    return row->text(0);
}

void Database::set_busy_timeout(std::chrono::milliseconds timeout) const noexcept {
    sqlite3_busy_timeout(handle_.get(), static_cast<int>(timeout.count()));
}

void Database::set_checkpoint_on_close(bool enabled) const noexcept {
    sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, enabled ? 0 : 1, nullptr);
}

void Database::checkpoint_by_hand(int* pages) const noexcept {
    const auto committed = [](void* length, sqlite3*, const char*, int now) {
        *static_cast<int*>(length) = now;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(handle_.get(), committed, pages);
}

Result<void> Database::checkpoint() const {
    const int code = sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                               nullptr, nullptr);
    if (code != SQLITE_OK) return error(code);
    return {};
}

void Database::interrupt() const noexcept {
    sqlite3_interrupt(handle_.get());
}

bool Database::in_transaction() const noexcept {
    return sqlite3_get_autocommit(handle_.get()) == 0;
}

int Database::changes() const noexcept {
    return sqlite3_changes(handle_.get());
}

Error Database::error(int code) const {
    const int system_error = sqlite3_system_errno(handle_.get());
    // The connection's message belongs to its latest call, which need not be the one that failed.
    const bool latest = sqlite3_extended_errcode(handle_.get()) == code;
    std::string message = latest ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
    const int primary = code & 0xff;
    if (system_error != 0 && (primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR)) {
        message += " (" + std::system_category().message(system_error) + ")";
    }
    message += advice(code);
    return {error_code(code, system_error), message};
}

Transaction::~Transaction() {
    // SQLite has rolled back by itself after some failures, such as a full disk.
    if (database_->in_transaction()) static_cast<void>(database_->execute("ROLLBACK").has_value());
}

}  // namespace syspulse::registry
