// A registry in a directory of its own, and short ways to make its records.
#pragma once

#include <gtest/gtest.h>

#include <sqlite3.h>
#include <limits>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registry/registry.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::registry {

class RegistryTest : public testing::Test {
  protected:
    std::filesystem::path file() const { return directory_.path() / "syspulse.db"; }

    std::unique_ptr<model::Journal> open(const RegistryOptions& options = {}) {
        auto opened = open_registry(file(), options);
        EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().message);
        return opened ? std::move(*opened) : nullptr;
    }

    // Every file of the directory with its bytes. The -shm file is left out: it is an index that
    // SQLite rebuilds, and reading alone changes it.
    std::map<std::string, std::string> contents() const {
        std::map<std::string, std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
            if (entry.path().string().ends_with("-shm")) continue;
            std::ifstream stream(entry.path(), std::ios::binary);
            found[entry.path().filename().string()] = {std::istreambuf_iterator<char>(stream), {}};
        }
        return found;
    }

    void write_file(const std::string& bytes) const {
        std::ofstream(file(), std::ios::binary) << bytes;
    }

    // Runs SQL on the file as another program would.
    void sql(const std::string& text) const {
        sqlite3* database = nullptr;
        ASSERT_EQ(sqlite3_open(file().string().c_str(), &database), SQLITE_OK);
        char* message = nullptr;
        EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, &message), SQLITE_OK)
            << message;
        sqlite3_free(message);
        sqlite3_close(database);
    }

    test::TemporaryDirectory directory_;
};

inline WallTime at(std::int64_t seconds) {
    return from_unix_ms(1'700'000'000'000 + seconds * 1000);
}

inline model::StoredSpec spec(const std::string& name) {
    return {"uuid-" + name, name, R"({"command":["true"]})", at(0)};
}

inline model::StoredRun run_of(const std::string& name, std::uint64_t id) {
    model::StoredRun run;
    run.run = RunId{id};
    run.uuid = "uuid-" + name;
    run.began_at = at(static_cast<std::int64_t>(id));
    return run;
}

inline model::HistoryAdded line(const std::string& name, std::int64_t seconds) {
    model::HistoryEntry entry;
    entry.at = at(seconds);
    entry.daemon = name;
    entry.uuid = "uuid-" + name;
    entry.kind = "transition";
    entry.from = "stopped";
    entry.to = "starting";
    entry.reason = "line at " + std::to_string(seconds);
    return {entry};
}

template <class... Records>
Result<void> commit(model::Journal& journal, Records... records) {
    std::vector<model::JournalRecord> list{model::JournalRecord(std::move(records))...};
    return journal.commit(list);
}

struct Ask {
    std::string daemon{};
    std::int64_t after_id = 0;
    std::optional<WallTime> since{};
    std::size_t limit = 1000;
    std::int64_t before_id = std::numeric_limits<std::int64_t>::max();
};

// The reasons of the lines that match, in the order they were returned.
inline std::vector<std::string> reasons(model::Journal& journal, const Ask& ask) {
    std::vector<std::string> found;
    const auto lines =
        journal.history({ask.daemon, ask.after_id, ask.since, ask.limit, ask.before_id});
    EXPECT_TRUE(lines.has_value());
    if (!lines) return found;
    for (const auto& entry : *lines) found.push_back(entry.reason);
    return found;
}

}  // namespace syspulse::registry
