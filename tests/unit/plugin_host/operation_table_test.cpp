#include "plugin_host/operation_table.hpp"

#include <gtest/gtest.h>

namespace syspulse::plugin_host {
namespace {

class OperationTableTest : public testing::Test {
  protected:
    // What the sink of a spawn hears that was given up before it was answered so.
    Completion late(Completion answer) {
        const sysp_proc proc = table_.add_process(nullptr, nullptr, RunId{1});
        const sysp_op op = table_.begin(OpType::spawn, nullptr, nullptr, proc, 1);
        EXPECT_TRUE(table_.give_up(op));
        EXPECT_EQ(table_.complete(nullptr, op, OpType::spawn, std::move(answer)), SYSP_E_STALE);
        EXPECT_FALSE(table_.owed(op));
        EXPECT_EQ(table_.inbox().size(), 1U);
        Completion heard = std::move(table_.inbox().at(0));
        table_.inbox().clear();
        EXPECT_EQ(heard.what, Completion::What::late_spawn);
        EXPECT_EQ(heard.proc, proc);
        return heard;
    }
    static Completion process(std::int64_t pid) {
        Completion answer;
        platform::SpawnedProcess result;
        result.pid = pid;
        result.token = "token";
        answer.payload = result;
        return answer;
    }
    OperationTable table_;
};

TEST_F(OperationTableTest, a_spawn_that_was_given_up_is_told_when_it_succeeds) {
    EXPECT_FALSE(late(process(4242)).error);
}

// Whoever gave it up keeps its name until then.
TEST_F(OperationTableTest, a_spawn_that_was_given_up_is_told_when_it_fails) {
    Completion failed;
    failed.error = Error{ErrorCode::not_found, "no such file"};
    const Completion heard = late(failed);
    ASSERT_TRUE(heard.error);
    EXPECT_EQ(heard.error->message, "no such file");
    EXPECT_FALSE(heard.unconfirmed);
}

TEST_F(OperationTableTest, nobody_is_to_be_killed_for_a_late_number_that_no_daemon_has) {
    const Completion heard = late(process(1));
    EXPECT_TRUE(heard.error);
    EXPECT_TRUE(heard.unconfirmed);
    EXPECT_EQ(table_.counters().rejected, 1U);
}

}  // namespace
}  // namespace syspulse::plugin_host
