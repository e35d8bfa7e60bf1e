// Where a test on Windows runs, and what is left out there.
#pragma once

#include <gtest/gtest.h>
#include <windows.h>

namespace syspulse::testing {

// Wine's own function tells.
inline bool under_wine() {
    return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

}  // namespace syspulse::testing

// Ends the test with the words that say which assertion was left out, and why.
#define SYSPULSE_SKIP_UNDER_WINE(what) \
    if (::syspulse::testing::under_wine()) GTEST_SKIP() << "skipped: Wine lacks " what
