// The shipped files: examples load, and the editors' schema knows exactly the loader's keys.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "unit/config/config_fixture.hpp"

namespace syspulse::config {
namespace {

const std::filesystem::path config_dir = SYSPULSE_CONFIG_DIR;

TEST(Examples, all_load_without_errors) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(config_dir / "examples")) {
        const auto result = load_spec_file(entry.path(), fake_options());
        EXPECT_EQ(format_errors(result.errors), "");
        EXPECT_FALSE(result.daemons.empty()) << entry.path();
        ++count;
    }
    EXPECT_GE(count, 4U);
}

TEST(EditorSchema, has_the_keys_of_the_loader) {
    std::ifstream stream(config_dir / "syspulse.schema.json");
    const auto schema = nlohmann::json::parse(stream);
    for (const KeyGroup& group : known_keys()) {
        const auto& block =
            group.block.empty() ? schema : schema.at("definitions").at(std::string(group.block));
        EXPECT_EQ(block.at("additionalProperties"), false) << group.block;
        std::set<std::string> declared;
        for (const auto& [key, value] : block.at("properties").items()) {
            declared.insert(key);
            EXPECT_TRUE(value.contains("description")) << group.block << "." << key;
        }
        EXPECT_EQ(declared, std::set<std::string>(group.keys.begin(), group.keys.end()))
            << group.block;
    }
    EXPECT_EQ(schema.at("definitions").size() + 1, known_keys().size());
}

}  // namespace
}  // namespace syspulse::config
