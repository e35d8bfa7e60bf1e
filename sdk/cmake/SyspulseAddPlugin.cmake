# syspulse_add_plugin(NAME SOURCES … [LINK …] [TARGET_MINOR n]): NAME.so, a module that exports exactly
# one symbol, resolves everything at load time and is never unloaded.
set(SYSPULSE_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(syspulse_add_plugin name)
  cmake_parse_arguments(arg "" "TARGET_MINOR" "SOURCES;LINK" ${ARGN})
  if(NOT arg_TARGET_MINOR)
    set(arg_TARGET_MINOR 0)
  endif()
  add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE syspulse::sdk ${arg_LINK})
  target_compile_features(${name} PRIVATE cxx_std_17)
  target_compile_definitions(${name} PRIVATE SYSP_TARGET_MINOR=${arg_TARGET_MINOR})
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  if(NOT WIN32)
    target_link_options(${name} PRIVATE "-Wl,--version-script=${SYSPULSE_PLUGIN_MAP}"
      -Wl,-z,now -Wl,-z,nodelete)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS ${SYSPULSE_PLUGIN_MAP})
    # The sanitizers' runtime is in the program that loads the plugin, so its symbols stay undefined here.
    if(NOT SYSPULSE_SANITIZE)
      target_link_options(${name} PRIVATE -Wl,-z,defs)
    endif()
  endif()
endfunction()
