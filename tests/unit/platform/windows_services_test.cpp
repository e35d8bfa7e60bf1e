// Which services are syspulse's, by what they run.
#include <gtest/gtest.h>

#include <string>

#include "platform/windows/windows_command_line.hpp"

namespace syspulse::platform {
namespace {

TEST(WindowsServices, TellsManagersFromOtherServices) {
    const std::wstring own = L"renamed.exe";
    EXPECT_TRUE(runs_service(
        LR"("C:\Program Files\syspulse\bin\syspulse.exe" "--data-dir" "D:\x" "service" "run")",
        own));
    EXPECT_TRUE(runs_service(LR"(C:\bin\SysPulse-2.exe service run --name s)", own));
    EXPECT_TRUE(runs_service(LR"(C:\bin\Renamed.exe service run)", own));
    EXPECT_FALSE(runs_service(LR"(C:\windows\system32\svchost.exe -k netsvcs)", own));
    EXPECT_FALSE(runs_service(LR"(C:\other\program.exe service run)", own));
    EXPECT_FALSE(runs_service(LR"(C:\bin\syspulse.exe daemon)", own));
    EXPECT_FALSE(runs_service(LR"(C:\bin\syspulse.exe run service)", own));
    EXPECT_FALSE(runs_service({}, own));
}

}  // namespace
}  // namespace syspulse::platform
