#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "base/name_index.hpp"

namespace syspulse {
namespace {

class NameIndexTest : public testing::Test {
  protected:
    void insert(const std::string& name, std::uint32_t key) {
        index_.insert(name, DaemonKey{key});
        names_[DaemonKey{key}] = name;
    }
    void erase(const std::string& name, std::uint32_t key) {
        index_.erase(name, DaemonKey{key});
        names_.erase(DaemonKey{key});
    }
    std::uint32_t find(const std::string& name) const {
        return index_
            .find(name, [this](DaemonKey key) -> const std::string& { return names_.at(key); })
            .value;
    }

    NameIndex index_;
    std::map<DaemonKey, std::string> names_;
};

TEST_F(NameIndexTest, finds_what_was_inserted_and_nothing_else) {
    EXPECT_EQ(find("web"), 0U);
    erase("web", 1);  // Of an empty one.
    insert("web", 1);
    insert("db", 2);
    EXPECT_EQ(find("web"), 1U);
    EXPECT_EQ(find("db"), 2U);
    EXPECT_EQ(find("we"), 0U);
    EXPECT_EQ(find(""), 0U);
}

TEST_F(NameIndexTest, a_name_may_come_back_under_another_key) {
    insert("web", 1);
    erase("web", 1);
    EXPECT_EQ(find("web"), 0U);
    insert("web", 7);
    EXPECT_EQ(find("web"), 7U);
    index_.erase("web", DaemonKey{1});  // Somebody else's.
    EXPECT_EQ(find("web"), 7U);
}

// Names that share a home get into each other's way; what is erased between them must not hide any.
TEST_F(NameIndexTest, agrees_with_a_map_whatever_is_inserted_and_erased) {
    std::mt19937 random(1);  // NOLINT: the same every time.
    std::map<std::string, std::uint32_t> model;
    std::uint32_t last = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::string name = "service-" + std::to_string(random() % 300);
        if (const auto known = model.find(name); known != model.end()) {
            erase(name, known->second);
            model.erase(known);
        } else {
            insert(name, model[name] = ++last);
        }
        const std::string other = "service-" + std::to_string(random() % 300);
        const auto wanted = model.find(other);
        ASSERT_EQ(find(other), wanted == model.end() ? 0U : wanted->second) << step << other;
    }
    for (const auto& [name, key] : model) EXPECT_EQ(find(name), key);
}

}  // namespace
}  // namespace syspulse
