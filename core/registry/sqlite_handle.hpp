// SQLite's C handles as owning types that answer with Result. Knows nothing of what is stored.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace syspulse::registry {

// One prepared statement. bind() and column() count from 0; the texts given to bind() must stay
// unchanged until the statement is run.
class Statement {
  public:
    Statement() = default;
    explicit Statement(sqlite3_stmt* handle) noexcept : handle_(handle) {}

    void bind(int index, std::int64_t value) noexcept;
    void bind(int index, std::string_view text) noexcept;
    // A temporary would not live that long.
    void bind(int index, std::string&& text) = delete;
    void bind_null(int index) noexcept;

    // True when a row is there, false when the statement is done; otherwise SQLite's result code.
    struct Step {
        bool row = false;
        int code = SQLITE_OK;
    };
    Step step() noexcept;

    std::int64_t integer(int column) const noexcept;
    std::string text(int column) const;
    bool is_null(int column) const noexcept;

    // Makes the statement ready to be bound again and lets go of its locks.
    void reset() noexcept;

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// Resets a cached statement at the end of a scope.
class StatementUse {
  public:
    explicit StatementUse(Statement& statement) noexcept : statement_(statement) {}
    ~StatementUse() { statement_.reset(); }
    StatementUse(const StatementUse&) = delete;
    StatementUse& operator=(const StatementUse&) = delete;

  private:
    Statement& statement_;
};

// One connection. Its errors name the file and say what to do.
class Database {
  public:
    enum class Access {
        read_write,
        immutable,  // Reads the file as it is: takes no lock, creates no file beside it.
    };
    static Result<Database> open(const std::filesystem::path& file, Access access);

    Result<Statement> prepare(const char* sql) const;
    Result<void> execute(const char* sql) const;
    // The first column of the only row.
    Result<std::int64_t> query_integer(const char* sql) const;
    Result<std::string> query_text(const char* sql) const;

    void set_busy_timeout(std::chrono::milliseconds timeout) const noexcept;

    // Decides whether closing writes the log (-wal) back into the file.
    void set_checkpoint_on_close(bool enabled) const noexcept;

    // From now on commits leave the log (-wal) alone however long it gets, and `pages` tells its
    // length after each. `pages` must not move while the database is open.
    void checkpoint_by_hand(int* pages) const noexcept;
    // Writes back what no other connection is in the way of.
    Result<void> checkpoint() const;

    // Ends what another thread is doing on this connection with an error. [any thread]
    void interrupt() const noexcept;

    bool in_transaction() const noexcept;
    int changes() const noexcept;

    // The latest failure in words for a person; `code` is SQLite's result code.
    Error error(int code) const;

  private:
    struct Close {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };
    Result<Statement> first_row(const char* sql) const;

    std::unique_ptr<sqlite3, Close> handle_;
    std::string file_;  // UTF-8, for messages.
};

// Rolls back at the end of its scope unless committed.
class Transaction {
  public:
    explicit Transaction(const Database& database) noexcept : database_(&database) {}
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

  private:
    const Database* database_;
};

}  // namespace syspulse::registry
