// What is opened, what is refused, and that refusing leaves every byte in its place.
#include <gmock/gmock.h>

#include <cstdint>
#include <utility>

#include "registry/backup.hpp"
#include "registry/migrations.hpp"
#include "registry/registry_file.hpp"
#include "support/eventually.hpp"
#include "unit/registry/registry_fixture.hpp"

namespace syspulse::registry {
namespace {

using model::SpecAdded;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

#ifdef _WIN32
// In place of modes there are access lists, and files have that of their directory.
bool is_private(const std::filesystem::path& file) {
    return std::filesystem::exists(file);
}
#else
bool is_private(const std::filesystem::path& file) {
    using std::filesystem::perms;
    return std::filesystem::status(file).permissions() == (perms::owner_read | perms::owner_write);
}
#endif

class RegistryFile : public RegistryTest {
  protected:
    // Opening must fail with `code` and leave the directory as it is; returns the message.
    std::string refused(ErrorCode code) {
        const auto before = contents();
        const auto opened = open_registry(file());
        EXPECT_FALSE(opened.has_value());
        EXPECT_TRUE(contents() == before) << "the refused file was touched";
        if (opened) return {};
        EXPECT_EQ(opened.error().code, code) << opened.error().message;
        EXPECT_THAT(opened.error().message, HasSubstr(file().string()));
        return opened.error().message;
    }
    void fill() {
        auto journal = open();
        for (int i = 0; i < 50; ++i) {
            ASSERT_TRUE(commit(*journal, SpecAdded{spec("d" + std::to_string(i))}, line("d", i)));
        }
    }
};

TEST_F(RegistryFile, is_private_and_leaves_nothing_beside_it_when_closed) {
    fill();
    EXPECT_TRUE(is_private(file()));
    EXPECT_THAT(contents(), SizeIs(1));
}

TEST_F(RegistryFile, gets_back_what_its_log_holds_while_it_is_in_use) {
    auto journal = open();
    std::vector<model::JournalRecord> lines;
    for (int commits = 0; commits < 200; ++commits) {
        lines.clear();
        for (int i = 0; i < 100; ++i) lines.emplace_back(line("d", i));
        ASSERT_TRUE(journal->commit(lines).has_value());
    }
    EXPECT_TRUE(test::eventually([this] { return std::filesystem::file_size(file()) > 500'000; }));
}

TEST_F(RegistryFile, an_empty_file_and_an_empty_database_become_registries) {
    write_file("");
    ASSERT_NE(open(), nullptr);
    std::filesystem::remove(file());
    sql("PRAGMA user_version = 0; VACUUM");
    ASSERT_NE(open(), nullptr);
    fill();
}

// Made by the steps as they were released, with a row in every table, and brought to the present
// layout in one go.
TEST_F(RegistryFile, of_every_released_layout_keeps_what_it_holds_and_gets_what_is_new) {
    for (std::size_t layout = 1; layout < migrations().size(); ++layout) {
        SCOPED_TRACE("layout " + std::to_string(layout));
        std::filesystem::remove(file());
        for (std::size_t step = 0; step < layout; ++step) sql(migrations()[step]);
        sql("PRAGMA application_id = " + std::to_string(application_id) +
            "; PRAGMA user_version = " + std::to_string(layout) +
            "; UPDATE meta SET value = 8;"
            "INSERT INTO specs VALUES (1, 'uuid-d', 'd', '{\"command\":[\"true\"]}', 1000);"
            "INSERT INTO instances (uuid, target, state, health, run, run_live, pid, token,"
            "  restart_count, attempt, last_error)"
            "  VALUES ('uuid-d', 'up', 'running', 'healthy', 7, 1, 4711, 'token-7', 2, 1, 'why');"
            "INSERT INTO runs VALUES (7, 'uuid-d', 1000, 4711, NULL, NULL, NULL, NULL" +
            std::string(layout >= 4 ? ", NULL" : "") +
            ");"
            "INSERT INTO history (at, daemon, uuid, kind, from_word, to_word, reason, run, pid)"
            "  VALUES (1000, 'd', 'uuid-d', 'transition', 'starting', 'running', 'was', 7, 4711)");
        auto journal = open();
        ASSERT_NE(journal, nullptr);
        const auto state = journal->load();
        ASSERT_TRUE(state);
        ASSERT_THAT(state->instances, SizeIs(1));
        const model::StoredInstance& instance = state->instances[0];
        EXPECT_EQ(instance.state, model::State::running);
        EXPECT_EQ(instance.token, "token-7");
        EXPECT_EQ(instance.restart_count, 2U);
        EXPECT_FALSE(instance.completed);
        EXPECT_FALSE(instance.next_restart_at);
        EXPECT_EQ(instance.driver, "");
        EXPECT_FALSE(instance.queued_run);
        EXPECT_FALSE(instance.spec_changed);
        EXPECT_EQ(state->last_run, RunId{8});
        model::HistoryAdded exit = line("d", 100);
        exit.entry.exit = ExitStatus{ExitStatus::Kind::signal, true, 9, 4096};
        ASSERT_TRUE(commit(*journal, exit));
        EXPECT_THAT(reasons(*journal, {}), ElementsAre("was", exit.entry.reason));
        EXPECT_EQ(journal->history({})->back().exit, exit.entry.exit);
    }
}

TEST_F(RegistryFile, of_a_newer_layout_is_refused_naming_both) {
    fill();
    sql("PRAGMA user_version = 9");
    EXPECT_THAT(refused(ErrorCode::unsupported),
                HasSubstr("layout 9, this syspulse knows up to 7"));
}

TEST_F(RegistryFile, of_a_newer_layout_that_is_only_in_the_log_is_refused) {
    fill();
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().string().c_str(), &database), SQLITE_OK);
    sqlite3_exec(database, "PRAGMA user_version = 9", nullptr, nullptr, nullptr);
    ASSERT_TRUE(std::filesystem::file_size(file().string() + "-wal") > 0);
    refused(ErrorCode::unsupported);
    sqlite3_close(database);
}

TEST_F(RegistryFile, of_garbage_is_refused) {
    write_file("this is not a database, however long it may be: " + std::string(8192, 'x'));
    EXPECT_THAT(refused(ErrorCode::corrupt), HasSubstr("not a registry file; move the file away"));
    write_file("short");
    refused(ErrorCode::corrupt);
}

TEST_F(RegistryFile, of_another_program_is_refused) {
    sql("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')");
    EXPECT_THAT(refused(ErrorCode::corrupt), HasSubstr("another program"));
}

TEST_F(RegistryFile, that_is_cut_short_is_refused) {
    fill();
    std::filesystem::resize_file(file(), std::filesystem::file_size(file()) / 2);
    EXPECT_THAT(refused(ErrorCode::corrupt), HasSubstr("cut short"));
}

TEST_F(RegistryFile, with_overwritten_pages_is_refused) {
    fill();
    auto bytes = contents()[file().filename().string()];
    std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');
    write_file(bytes);
    refused(ErrorCode::corrupt);
}

// Cutting it takes a commit tens of milliseconds.
TEST_F(RegistryFile, has_a_log_that_no_commit_cuts) {
    auto journal = open();
    auto big = line("web", 1);
    big.entry.reason.assign(10'000'000, 'x');
    ASSERT_TRUE(commit(*journal, big));
    const auto log = file().string() + "-wal";
    // It grows until it is written back and starts anew.
    std::uintmax_t before = 0;
    std::uintmax_t size = std::filesystem::file_size(log);
    for (int i = 0; i < 100'000 && size > before; ++i) {
        ASSERT_TRUE(commit(*journal, line("web", i)));
        before = std::exchange(size, std::filesystem::file_size(log));
    }
    EXPECT_EQ(size, before);
}

TEST_F(RegistryFile, that_is_damaged_names_the_backup_with_which_to_go_on) {
    const std::filesystem::path backup = file().string() + ".backup";
    fill();
    EXPECT_FALSE(std::filesystem::exists(backup)) << "there was nothing to keep yet";
    {
        const auto journal = open();
        ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(backup); }));
    }
    EXPECT_TRUE(is_private(backup));
    std::filesystem::resize_file(file(), std::filesystem::file_size(file()) / 2);
    EXPECT_THAT(refused(ErrorCode::corrupt), HasSubstr("(syspulse.db.backup is one; move"));
    std::filesystem::rename(backup, file());
    EXPECT_THAT(open()->load()->specs, SizeIs(50));
}

TEST_F(RegistryFile, has_its_backup_renewed_after_a_day_and_not_before) {
    const std::filesystem::path backup = file().string() + ".backup";
    fill();
    const auto kept_after = [&](std::chrono::hours age) {
        // Overwriting is not what every standard library can do.
        std::filesystem::remove(backup);
        std::filesystem::copy_file(file(), backup);
        const auto then = std::filesystem::last_write_time(file()) - age;
        std::filesystem::last_write_time(backup, then);
        auto database = Database::open(file(), Database::Access::read_write);
        EXPECT_TRUE(renew_backup(*database, file()).has_value());
        return std::filesystem::last_write_time(backup) == then;
    };
    EXPECT_TRUE(kept_after(std::chrono::hours{23}));
    EXPECT_FALSE(kept_after(std::chrono::hours{25}));
}

TEST_F(RegistryFile, survives_that_the_process_is_gone_without_closing) {
    auto journal = open();
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}));
    // What a killed process leaves: the file and its log as they are now.
    const auto copy = directory_.path() / "copy";
    std::filesystem::create_directory(copy);
    for (const char* suffix : {"", "-wal"}) {
        std::filesystem::copy_file(file().string() + suffix,
                                   (copy / "syspulse.db").string() + suffix);
    }
    auto reopened = open_registry(copy / "syspulse.db");
    ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
    EXPECT_THAT((*reopened)->load()->specs, SizeIs(1));
}

TEST_F(RegistryFile, may_be_opened_twice_and_both_see_what_is_committed) {
    auto one = open();
    auto other = open({.busy_timeout = std::chrono::milliseconds{0}});
    ASSERT_TRUE(commit(*one, SpecAdded{spec("web")}));
    ASSERT_TRUE(commit(*other, SpecAdded{spec("db")}));
    EXPECT_THAT(one->load()->specs, SizeIs(2));
}

TEST_F(RegistryFile, that_is_held_by_another_writer_says_so_and_works_again_afterwards) {
    auto journal = open({.busy_timeout = std::chrono::hours{1}});  // Not meant for commits.
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().string().c_str(), &database), SQLITE_OK);
    sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    EXPECT_EQ(commit(*journal, SpecAdded{spec("web")}).error().code, ErrorCode::unavailable);
    sqlite3_close(database);
    EXPECT_TRUE(commit(*journal, SpecAdded{spec("web")}));
}

TEST_F(RegistryFile, that_is_full_fails_the_commit_as_a_whole_and_stays_usable) {
    auto journal = open({.max_pages = 20});
    ASSERT_TRUE(commit(*journal, SpecAdded{spec("web")}, line("web", 1)));
    auto big = spec("big");
    big.spec_json = std::string(200'000, 'x');
    const auto failed = commit(*journal, line("web", 2), SpecAdded{big});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
    EXPECT_THAT(failed.error().message, HasSubstr("full; free space"));
    EXPECT_THAT(journal->load()->specs, SizeIs(1));
    ASSERT_TRUE(commit(*journal, line("web", 3)));
    EXPECT_THAT(reasons(*journal, {}), testing::ElementsAre("line at 1", "line at 3"));
}

TEST_F(RegistryFile, in_a_missing_directory_cannot_be_opened) {
    const auto opened = open_registry(directory_.path() / "nowhere" / "syspulse.db");
    ASSERT_FALSE(opened.has_value());
    EXPECT_THAT(opened.error().message,
                testing::AnyOf(HasSubstr("No such file or directory"),  // Linux
                               HasSubstr("cannot find the path"),       // Windows
                               HasSubstr("Path not found")));           // Wine
}

TEST_F(RegistryFile, with_uri_characters_in_its_name_is_opened) {
    // Windows has no files with a question mark.
    const bool any_name = std::filesystem::path::preferred_separator == '/';
    const auto odd = directory_.path() / (any_name ? "a?b#c%41.db" : "ab#c%41.db");
    ASSERT_TRUE(open_registry(odd).has_value());
    ASSERT_TRUE(open_registry(odd).has_value());
}

}  // namespace
}  // namespace syspulse::registry
