// The commands, one per file beside this one.
#pragma once

#include "cli/command.hpp"

namespace syspulse::cli {

extern const Command daemon_command;
extern const Command up_command;
extern const Command start_command;
extern const Command stop_command;
extern const Command restart_command;
extern const Command status_command;
extern const Command list_command;
extern const Command logs_command;
extern const Command add_command;
extern const Command remove_command;
extern const Command init_command;
extern const Command validate_command;
extern const Command events_command;
extern const Command signal_command;
extern const Command pause_command;
extern const Command resume_command;
extern const Command schedule_command;
extern const Command plugin_command;
extern const Command shutdown_command;
extern const Command upgrade_command;
extern const Command service_command;
extern const Command ping_command;
extern const Command info_command;
extern const Command spec_command;
extern const Command completion_command;
extern const Command help_command;

}  // namespace syspulse::cli
