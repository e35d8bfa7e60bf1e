// The pipes that daemons write to on Windows: what becomes of those that are removed or broken.
#include <windows.h>

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/output_pipes.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// Holds nothing, and notes the names that it is to forget.
class Holder : public PipeHolder {
  public:
    bool hold(const fs::path&, NativeHandle, NativeHandle) override { return true; }
    std::optional<Ends> find(const fs::path&) override { return std::nullopt; }
    void drop(const fs::path& path) override { dropped.push_back(path.filename().string()); }
    std::vector<std::string> dropped;
};

class WindowsPipes : public testing::Test {
  protected:
    fs::path path(std::string_view name) const { return directory_.path() / name; }
    // A reading end that nobody can write to.
    NativeHandle broken_reader() {
        EXPECT_TRUE(pipes_->create(path("broken")).has_value());
        const NativeHandle reader = *pipes_->open_reader(path("broken"));
        pipes_->remove(path("broken"));
        return reader;
    }
    static std::size_t handles() {
        constexpr std::uintptr_t last_handle = 0x8000;
        std::size_t count = 0;
        DWORD flags = 0;
        for (std::uintptr_t value = 4; value < last_handle; value += 4) {
            if (::GetHandleInformation(reinterpret_cast<HANDLE>(value), &flags) != 0) ++count;
        }
        return count;
    }

    test::TemporaryDirectory directory_;
    Holder holder_;
    std::unique_ptr<OutputPipes> pipes_ = *make_output_pipes(no_handle, &holder_);
};

// Otherwise each of many daemons would cost a look at all that there are already.
TEST_F(WindowsPipes, are_looked_for_only_when_they_are_asked_for) {
    for (const char* name : {"a", "b", "c"})
        ASSERT_TRUE(pipes_->create(path(name)).has_value()) << name;
    fs::remove(path("a"));
    ASSERT_TRUE(pipes_->create(path("d")).has_value());
    EXPECT_THAT(holder_.dropped, IsEmpty());
    const NativeHandle old = *pipes_->open_reader(path("b"));
    fs::remove(path("b"));
    ASSERT_TRUE(pipes_->create(path("b")).has_value());
    EXPECT_THAT(holder_.dropped, ElementsAre("b"));
    const NativeHandle young = *pipes_->open_reader(path("b"));
    EXPECT_NE(pipes_->id_of(old), pipes_->id_of(young));
    for (const NativeHandle reader : {old, young}) pipes_->close(reader);
}

TEST_F(WindowsPipes, are_forgotten_when_they_are_removed) {
    for (const char* name : {"a", "b"}) ASSERT_TRUE(pipes_->create(path(name)).has_value());
    fs::remove(path("a"));
    for (const char* name : {"a", "b", "c"}) pipes_->remove(path(name));
    EXPECT_THAT(holder_.dropped, ElementsAre("a", "b"));
    EXPECT_FALSE(fs::exists(path("b")));
    EXPECT_FALSE(pipes_->open_reader(path("b")).has_value());
}

TEST_F(WindowsPipes, that_cannot_be_watched_leave_nothing_behind) {
    const auto add_one = [this] {
        const NativeHandle reader = broken_reader();
        EXPECT_FALSE(pipes_->add(reader, 7).has_value());
        pipes_->close(reader);
    };
    add_one();  // What the system keeps for the next time is there then.
    const std::size_t before = handles();
    constexpr std::size_t rounds = 20;
    for (std::size_t i = 0; i < rounds; ++i) add_one();
    EXPECT_LT(handles(), before + rounds);
}

TEST_F(WindowsPipes, that_break_are_told_once_as_ended) {
    ASSERT_TRUE(pipes_->create(path("a")).has_value());
    const NativeHandle reader = *pipes_->open_reader(path("a"));
    const NativeHandle writer = *pipes_->open_writer(path("a"));
    ASSERT_TRUE(pipes_->add(reader, 7).has_value());
    DWORD written = 0;
    ASSERT_NE(::WriteFile(reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(writer)), "x", 1,
                          &written, nullptr),
              0);
    std::vector<PipeEvent> events;
    while (events.empty()) pipes_->wait(events, true);
    EXPECT_FALSE(events[0].hung_up);
    EXPECT_EQ(pipes_->discard(reader, 1), 1U);
    pipes_->remove(path("a"));
    pipes_->close(writer);
    pipes_->wait(events, false);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].token, 7U);
    EXPECT_TRUE(events[0].hung_up);
    pipes_->wait(events, false);
    EXPECT_THAT(events, IsEmpty());
    pipes_->close(reader);
}

}  // namespace
}  // namespace syspulse::platform
