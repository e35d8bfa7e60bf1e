// The C++17 layer over plugin.h: header-only, compiled into each plugin, never part of the ABI.
// It catches everything at every slot, answers every accepted operation and parks early exits.
// A whole plugin:
//
//   struct Always {
//       static constexpr auto name = "always", summary = "Passes";
//       static syspulse::sdk::Schema schema() { return {}; }
//       explicit Always(const syspulse::sdk::Config&) {}
//       syspulse::sdk::Result check(const syspulse::sdk::Check&) const {
//           return syspulse::sdk::Result::pass();
//       }
//   };
//   SYSPULSE_PLUGIN("com.example.always", "1.0.0", "Example", syspulse::sdk::checker<Always>());
#pragma once

#include "plugin.h"
#include "sdk/checker.hpp"
#include "sdk/config.hpp"
#include "sdk/driver.hpp"
#include "sdk/error.hpp"
#include "sdk/fd.hpp"
#include "sdk/io.hpp"
#include "sdk/module.hpp"
#include "sdk/offload.hpp"
#include "sdk/schema.hpp"
