// What an older or a damaged registry holds. The first byte chooses:
//   'f'  the rest is the registry file
//   otherwise the rest are lines: the columns of a stored spec and its instance
#include <sqlite3.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "config/spec_json.hpp"
#include "registry/registry.hpp"
#include "scratch.hpp"

namespace {

using namespace syspulse;

void load(const std::filesystem::path& file) {
    const auto journal = registry::open_registry(file);
    if (!journal) return;
    const auto snapshot = (*journal)->load();
    static_cast<void>((*journal)->history({}).has_value());
    if (!snapshot) return;
    if (snapshot->instances.size() != snapshot->specs.size()) std::abort();
    for (const auto& spec : snapshot->specs) {
        static_cast<void>(config::from_stored_json(spec.name, spec.spec_json).has_value());
        static_cast<void>((*journal)->runs(spec.uuid, 10).has_value());
    }
}

void remove_file(const std::filesystem::path& file) {
    for (const char* ending : {"", "-wal", "-shm"}) {
        std::filesystem::remove(file.string() + ending);
    }
}

constexpr const char* insert_spec = "INSERT INTO specs VALUES (1, 'u', ?, ?, ?)";
constexpr const char* insert_instance =
    "INSERT INTO instances (uuid, target, state, health, run, run_live, pid, token, started_at,"
    " stopped_at, exit_kind, exit_value, exit_oom, restart_count, attempt, armed_at, last_fired_at,"
    " last_error, completed, boot, next_restart_at, kill_at, driver, driver_options, queued_run) "
    "VALUES "
    "('u',?,?,?,?,?,?,?,?,?,?,?,?,?,"
    "?,?,?,?, coalesce(?, 0), coalesce(?, ''), ?, ?, coalesce(?, ''), coalesce(?, ''), coalesce(?, "
    "0))";

// A field that is a number goes in as one, another as text, an empty one as NULL.
void insert(sqlite3* database, const char* sql, std::string_view& rest) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK) std::abort();
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); ++i) {
        const std::string_view field = fuzz::take_until(rest, '\n');
        std::int64_t number = 0;
        const auto [end, error] =
            std::from_chars(field.data(), field.data() + field.size(), number);
        if (field.empty()) continue;
        if (error == std::errc{} && end == field.data() + field.size()) {
            sqlite3_bind_int64(statement, i, number);
        } else {
            sqlite3_bind_text(statement, i, field.data(), static_cast<int>(field.size()), nullptr);
        }
    }
    sqlite3_step(statement);
    sqlite3_finalize(statement);
}

void load_rows(const std::filesystem::path& file, std::string_view rows) {
    if (!registry::open_registry(file)) std::abort();
    sqlite3* database = nullptr;
    if (sqlite3_open(file.string().c_str(), &database) != SQLITE_OK) std::abort();
    insert(database, insert_spec, rows);
    insert(database, insert_instance, rows);
    sqlite3_close(database);
    load(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static const fuzz::Scratch scratch;
    const auto file = scratch.path() / "syspulse.db";
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] == 'f') {
        scratch.write("syspulse.db", rest);
        std::filesystem::permissions(
            file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        load(file);
    } else {
        load_rows(file, rest);
    }
    remove_file(file);
    return 0;
}
