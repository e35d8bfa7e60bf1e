// What only Windows refuses or allows, told by every system.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/spec_json.hpp"
#include "unit/config/config_fixture.hpp"

namespace syspulse::config {
namespace {

LoadOptions windows_options() {
    LoadOptions options = fake_options();
    options.windows_files = true;
    return options;
}

std::string errors_on_windows(std::string_view text,
                              const LoadOptions& options = windows_options()) {
    return format_errors(load_spec_text("a.yaml", text, options).errors);
}

std::string named(const std::string& name) {
    return "daemons:\n  " + name + ": {command: [x]}\n";
}

TEST(WindowsSpecs, names_of_devices_are_refused) {
    for (const char* name : {"CON", "nul", "Prn", "aux.log", "com1", "COM0.x.y", "lpt9"}) {
        EXPECT_EQ(errors_on_windows(named(name)),
                  "a.yaml:2:3: \"" + std::string(name) +
                      "\" is the name of a device on Windows, where no files can be: "
                      "choose another name");
        EXPECT_EQ(errors_of(named(name)), "") << name;
    }
    for (const char* name : {"console", "com", "com10", "comx", "x.con", "nulls", "a.b"})
        EXPECT_EQ(errors_on_windows(named(name)), "") << name;
}

TEST(WindowsSpecs, a_name_does_not_end_with_a_dot) {
    EXPECT_EQ(errors_on_windows(named("dot.")),
              "a.yaml:2:3: \"dot.\" ends with a dot, which Windows leaves out of the names of "
              "files: choose another name");
    EXPECT_EQ(errors_of(named("dot.")), "");
}

TEST(WindowsSpecs, names_that_differ_in_case_only_are_refused) {
    const std::string text = "daemons:\n  web: {command: [x]}\n  Web: {command: [x]}\n";
    EXPECT_EQ(errors_on_windows(text),
              "a.yaml:3:3: the names \"Web\" and \"web\" differ in case only, which for Windows is "
              "no difference: use one of them");
    EXPECT_EQ(errors_of(text), "");
}

TEST(WindowsSpecs, the_case_of_existing_daemons_counts_too) {
    LoadOptions options = windows_options();
    options.existing_daemons = {{"WEB", {}}, {"db", {}}};
    EXPECT_EQ(errors_on_windows(named("web"), options),
              "a.yaml:2:3: the names \"web\" and \"WEB\" differ in case only, which for Windows is "
              "no difference: use one of them");
    EXPECT_EQ(errors_on_windows(named("db"), options), "");
    const auto request = load_specs_json(R"({"daemons":{"web":{"command":["x"]}}})", options);
    ASSERT_EQ(request.errors.size(), 1U);
    EXPECT_TRUE(request.errors[0].message.starts_with("/daemons/web: the names"))
        << request.errors[0].message;
}

TEST(WindowsSpecs, a_working_directory_has_a_longest_path) {
    const auto begun_in = [](const std::string& path) {
        return "daemons:\n  a:\n    command: [x]\n    working_dir: " + path + "\n";
    };
    const std::string drive = std::filesystem::current_path().root_name().string();
    const std::string most = drive + '/' + std::string(257 - drive.size(), 'd');
    EXPECT_EQ(errors_on_windows(begun_in(most)), "");
    EXPECT_EQ(
        errors_on_windows(begun_in(most + 'd')),
        "a.yaml:4:18: \"working_dir\" has 259 characters, and a process on Windows begins in a "
        "directory of at most 258: choose a shorter path");
    EXPECT_EQ(errors_of(begun_in(most + 'd')), "");
    // Windows counts in UTF-16.
    EXPECT_EQ(errors_on_windows(begun_in(most.substr(0, 257) + "\xc3\xa9")), "");
    EXPECT_NE(errors_on_windows(begun_in(most.substr(0, 257) + "\xf0\x9f\x98\x80")), "");
}

TEST(WindowsSpecs, a_working_directory_is_a_whole_path_with_its_drive) {
    const auto begun_in = [](const std::string& path) {
        return "daemons:\n  a:\n    command: [x]\n    working_dir: '" + path + "'\n";
    };
    const auto asked_for = [](const std::string& path) {
        const auto loaded =
            load_specs_json(R"({"daemons":{"a":{"command":["x"],"working_dir":")" + path + "\"}}}",
                            windows_options());
        return format_errors(loaded.errors);
    };
    const std::string refusal =
        "\"working_dir\" names a drive and no whole path on it, found \"D:sub\": write \"D:/sub\"";
    EXPECT_EQ(errors_on_windows(begun_in("D:sub")), "a.yaml:4:18: " + refusal);
    EXPECT_NE(asked_for("D:sub"), "");
    EXPECT_NE(errors_on_windows(begun_in("D:")), "");
    EXPECT_EQ(errors_on_windows(begun_in(R"(\\server\share\d)")), "");
    // In a file it is on the drive of that.
    const auto loaded = load_spec_text("a.yaml", begun_in("/srv"), windows_options());
    ASSERT_EQ(format_errors(loaded.errors), "");
    EXPECT_EQ(std::filesystem::path(loaded.daemons[0].working_dir.text()),
              std::filesystem::current_path().root_path() / "srv");
    EXPECT_NE(asked_for("/srv").find("an absolute path, with its drive, found \"/srv\""),
              std::string::npos)
        << asked_for("/srv");
    EXPECT_EQ(errors_of(begun_in("D:sub")), "");
}

// Which drive that is must not depend on where the file lies or the manager was started.
TEST(WindowsSpecs, the_root_alone_is_that_of_the_system) {
    LoadOptions options = windows_options();
    options.root_directory = "Q:\\";
    for (const char* root : {"/", "\\"}) {
        const std::string text =
            "daemons:\n  a:\n    command: [x]\n    working_dir: '" + std::string(root) + "'\n";
        const auto loaded = load_spec_text("a.yaml", text, options);
        ASSERT_EQ(format_errors(loaded.errors), "");
        EXPECT_EQ(loaded.daemons[0].working_dir.text(), "Q:\\");
    }
    const auto request =
        load_specs_json(R"({"daemons":{"a":{"command":["x"],"working_dir":"/"}}})", options);
    ASSERT_EQ(format_errors(request.errors), "");
    EXPECT_EQ(request.daemons[0].working_dir.text(), "Q:\\");
    options.windows_files = false;
    const auto elsewhere =
        load_specs_json(R"({"daemons":{"a":{"command":["x"],"working_dir":"/"}}})", options);
    ASSERT_EQ(format_errors(elsewhere.errors), "");
    EXPECT_EQ(elsewhere.daemons[0].working_dir.text(), "/");
}

TEST(WindowsSpecs, a_file_of_commands_is_no_program) {
    const auto running = [](const std::string& program, const std::string& driver) {
        return "daemons:\n  a:\n    command: ['" + program + "', x]\n    driver: " + driver + "\n";
    };
    for (const char* program : {"x.bat", R"(C:\dir\npm.CMD)", "x.cmd. "}) {
        EXPECT_EQ(errors_on_windows(running(program, "posix")),
                  "a.yaml:3:15: a .cmd or .bat file is run by cmd.exe, whose rules of quoting let "
                  "an argument become a command: write [cmd.exe, /d, /c, call, FILE, ...] if that "
                  "is wanted");
        // A driver that does not come along may do so.
        EXPECT_EQ(errors_on_windows(running(program, "cgroup")), "");
        EXPECT_EQ(errors_of(running(program, "posix")), "");
    }
    for (const char* program : {"bat", "x.bat.exe", "cmd.exe"})
        EXPECT_EQ(errors_on_windows(running(program, "posix")), "") << program;
}

TEST(WindowsSpecs, variables_that_differ_in_case_only_are_refused) {
    const std::string text =
        "daemons:\n  a:\n    command: [x]\n    env: {Path: a, B: b, PATH: c}\n";
    EXPECT_EQ(errors_on_windows(text),
              "a.yaml:4:26: of the variables, the names \"PATH\" and \"Path\" differ in case only, "
              "which for Windows is no difference: use one of them");
    EXPECT_EQ(errors_of(text), "");
}

TEST(WindowsSpecs, backslashes_between_double_quotes_are_explained) {
    const std::string refusal =
        "\" holds a control character, which no path on Windows does: between double quotes a "
        "backslash with a letter means one (\\t, \\n); write single quotes, or /";
    const std::string program = "daemons:\n  a:\n    command: [\"C:\\new\\table\\run.exe\"]\n";
    EXPECT_EQ(errors_on_windows(program), "a.yaml:3:15: \"command" + refusal);
    const std::string directory =
        "daemons:\n  a:\n    command: [x, \"a\\tb\"]\n    working_dir: \"/new\\table\"\n";
    EXPECT_EQ(errors_on_windows(directory), "a.yaml:4:18: \"working_dir" + refusal);
    // Elsewhere such paths exist.
    EXPECT_EQ(errors_of(program) + errors_of(directory), "");
    EXPECT_EQ(errors_of("daemons:\n  a:\n    command: [\"C:\\op\\x.exe\"]\n"),
              "a.yaml:3:20: invalid YAML: unknown escape character: o; between double quotes a "
              "backslash is no part of a path: write single quotes, or /");
}

// Other managers of services need quotes around a path with blanks.
TEST(WindowsSpecs, quotes_in_a_path_are_refused) {
    const std::string refusal =
        "\" holds a double quote, which no path on Windows does: leave it out, as a path with "
        "blanks needs no quotes here";
    const std::string program =
        "daemons:\n  a:\n    command: ['\"C:\\Program Files\\x.exe\"', '\"an argument\"']\n";
    EXPECT_EQ(errors_on_windows(program), "a.yaml:3:15: \"command" + refusal);
    const std::string directory =
        "daemons:\n  a:\n    command: [x, '\"']\n    working_dir: '\"/Program Files\"'\n";
    EXPECT_EQ(errors_on_windows(directory), "a.yaml:4:18: \"working_dir" + refusal);
    EXPECT_EQ(errors_of(program) + errors_of(directory), "");
    const auto request =
        load_specs_json(R"({"daemons":{"a":{"command":["\"x\""]}}})", windows_options());
    EXPECT_NE(format_errors(request.errors).find("\"command" + refusal), std::string::npos);
}

TEST(WindowsSpecs, exit_codes_have_32_bits) {
    LoadOptions options = windows_options();
    options.exit_code_most = UINT32_MAX;
    const std::string head = "daemons:\n  a:\n    command: [x]\n    success_exit_codes: ";
    const auto loaded =
        load_spec_text("a.yaml", head + "[0, 256, 0xC0000005, 0Xff, 4294967295]\n", options);
    ASSERT_EQ(format_errors(loaded.errors), "");
    const std::vector<std::uint32_t> codes{0, 256, 0xC0000005, 255, 4294967295};
    EXPECT_EQ(loaded.daemons[0].success_exit_codes.codes(), codes);
    // Kept wherever it was said.
    const auto stored = from_stored_json("a", to_json(loaded.daemons[0]));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->success_exit_codes.codes(), codes);
    for (const char* bad :
         {"4294967296", "-1", "0x1C0000005", "0x", "0xg", "'0x5'", "0x-1", "1.5"}) {
        const auto errors = errors_on_windows(head + "[" + bad + "]\n", options);
        EXPECT_NE(errors.find("a.yaml:4:26: every item of \"success_exit_codes\" must be a whole "
                              "number from 0 to 4294967295, found "),
                  std::string::npos)
            << bad << ": " << errors;
    }
    // As other tools print it.
    EXPECT_TRUE(errors_on_windows(head + "[-1073741819]\n", options)
                    .ends_with("found the number -1073741819: write 0xC0000005"));
    EXPECT_TRUE(errors_of(head + "[-1]\n").ends_with("found the number -1"));
    EXPECT_EQ(errors_of(head + "[0x05]\n"), "");
    EXPECT_NE(errors_of(head + "[0x100]\n"), "");
}

}  // namespace
}  // namespace syspulse::config
