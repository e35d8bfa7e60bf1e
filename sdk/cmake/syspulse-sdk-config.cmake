# find_package(syspulse-sdk 0.1) gives the target syspulse::sdk and syspulse_add_plugin().
include(${CMAKE_CURRENT_LIST_DIR}/syspulse-sdk-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/SyspulseAddPlugin.cmake)
