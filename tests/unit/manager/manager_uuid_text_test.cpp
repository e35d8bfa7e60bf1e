#include <gtest/gtest.h>

#include <string>

#include "manager/uuid_text.hpp"

namespace syspulse::manager {
namespace {

TEST(UuidText, gives_back_every_text_as_it_was) {
    for (const std::string text :
         {"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "00000000-0000-0000-0000-000000000000",
          "ffffffff-ffff-ffff-ffff-ffffffffffff",
          // Whoever wrote these, they are names in a registry.
          "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f",
          "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f00", "0f1e2d3c04b5a-6978-8796-a5b4c3d2e1f0",
          "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1g0", "{f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f}",
          "web-1"}) {
        EXPECT_EQ(UuidText(text).text(), text);
    }
}

}  // namespace
}  // namespace syspulse::manager
