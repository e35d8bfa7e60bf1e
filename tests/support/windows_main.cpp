// main() of the test programs on Windows: they find the time zones of the build, and speak UTF-8.
#include <gtest/gtest.h>
#include <windows.h>

#include "model/schedule_zone.hpp"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    SetConsoleOutputCP(CP_UTF8);
    syspulse::model::use_zone_database(SYSPULSE_TEST_TZDATA);
    return RUN_ALL_TESTS();
}
