# How targets are declared, so that every module's CMakeLists.txt is one call.

# Warnings and sanitizers that all of our own targets share.
add_library(syspulse_options INTERFACE)
target_compile_options(syspulse_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Wswitch-enum>
  $<$<BOOL:${SYSPULSE_DEVELOPER_MODE}>:-Werror>)
if(SYSPULSE_SANITIZE MATCHES "thread")
  # Asio uses fences, which g++ cannot instrument and warns about.
  target_compile_options(syspulse_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
if(SYSPULSE_SANITIZE)
  add_compile_options(-fsanitize=${SYSPULSE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SYSPULSE_SANITIZE})
endif()

# syspulse_module(NAME SOURCES … LINK … PRIVATE_LINK …): the static library of one folder below core/.
function(syspulse_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(syspulse_${name} STATIC ${arg_SOURCES})
  add_library(syspulse::${name} ALIAS syspulse_${name})
  target_include_directories(syspulse_${name} PUBLIC ${PROJECT_SOURCE_DIR}/core)
  target_link_libraries(syspulse_${name} PUBLIC ${arg_LINK} PRIVATE syspulse_options ${arg_PRIVATE_LINK})
endfunction()

# syspulse_test(NAME SOURCES … LINK … [LABELS …] [TIMEOUT seconds]): a GoogleTest program, registered
# with CTest as one test. Registering per program keeps a run of thousands of cases in seconds.
function(syspulse_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE syspulse_options ${arg_LINK} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
