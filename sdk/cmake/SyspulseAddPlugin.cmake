# syspulse_add_plugin(NAME SOURCES ... [LINK ...] [TARGET_MINOR n]): NAME.so, a module that exports exactly
# one symbol, resolves everything at load time and is never unloaded. It loads in every syspulse of its ABI
# major whose minor is at least TARGET_MINOR (0).
#
# syspulse_add_conformance_test(NAME [CONFIG FILE] [LEVEL n]): a test that runs `syspulse plugin check` on
# the plugin. FILE tells what only the author knows; LEVEL is 1 to 5 (3).
set(SYSPULSE_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(syspulse_add_plugin name)
  cmake_parse_arguments(arg "" "TARGET_MINOR" "SOURCES;LINK" ${ARGN})
  if(NOT arg_TARGET_MINOR)
    set(arg_TARGET_MINOR 0)
  endif()
  add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE syspulse::sdk ${arg_LINK})
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CXX" IN_LIST languages)
    target_compile_features(${name} PRIVATE cxx_std_17)
  endif()
  target_compile_definitions(${name} PRIVATE SYSP_TARGET_MINOR=${arg_TARGET_MINOR})
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  if(MINGW)
    # The compiler's own libraries go inside, as they are on no other machine.
    target_link_options(${name} PRIVATE -static)
  elseif(NOT WIN32)
    target_link_options(${name} PRIVATE "-Wl,--version-script=${SYSPULSE_PLUGIN_MAP}"
      -Wl,-z,now -Wl,-z,nodelete)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS ${SYSPULSE_PLUGIN_MAP})
    # The sanitizers' runtime is in the program that loads the plugin, so its symbols stay undefined here.
    if(NOT SYSPULSE_SANITIZE)
      target_link_options(${name} PRIVATE -Wl,-z,defs)
    endif()
  endif()
endfunction()

function(syspulse_add_conformance_test name)
  cmake_parse_arguments(arg "" "CONFIG;LEVEL" "" ${ARGN})
  if(NOT arg_LEVEL)
    set(arg_LEVEL 3)
  endif()
  set(command plugin check $<TARGET_FILE:${name}> --level ${arg_LEVEL})
  if(arg_CONFIG)
    get_filename_component(config ${arg_CONFIG} ABSOLUTE)
    list(APPEND command --config ${config})
  endif()
  if(TARGET syspulse)
    set(program $<TARGET_FILE:syspulse>)
  else()
    find_program(SYSPULSE_PROGRAM NAMES syspulse syspulse.exe HINTS ${SYSPULSE_SDK_PREFIX}/bin)
    if(NOT SYSPULSE_PROGRAM)
      message(FATAL_ERROR "cannot add the conformance test of ${name}: there is no program syspulse in "
        "${SYSPULSE_SDK_PREFIX}/bin or in PATH; give it with -DSYSPULSE_PROGRAM=FILE")
    endif()
    set(program ${SYSPULSE_PROGRAM})
  endif()
  add_test(NAME ${name}_conformance COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} ${program} ${command})
  set_tests_properties(${name}_conformance PROPERTIES TIMEOUT 600)
endfunction()
