# find_package(syspulse-sdk 1) gives the target syspulse::sdk, syspulse_add_plugin() and
# syspulse_add_conformance_test().
get_filename_component(SYSPULSE_SDK_PREFIX ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
include(${CMAKE_CURRENT_LIST_DIR}/syspulse-sdk-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/SyspulseAddPlugin.cmake)
