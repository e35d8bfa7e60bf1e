# The same targets from the prefix that scripts/windows/prefix has built. Included by SyspulseDependencies.cmake.
find_package(Threads REQUIRED)
# The import library of its DLL lies beside it and would be found first.
find_library(SYSPULSE_WINDOWS_ZLIB libz.a REQUIRED)
set(ZLIB_LIBRARY ${SYSPULSE_WINDOWS_ZLIB})
find_package(ZLIB REQUIRED)
foreach(package yaml-cpp CURL re2 date)
  find_package(${package} REQUIRED CONFIG)
endforeach()
if(SYSPULSE_DEVELOPER_MODE)
  find_package(GTest REQUIRED CONFIG)
endif()

# syspulse_header_target(NAME DEFINITION…): headers only, in the prefix.
function(syspulse_header_target name)
  add_library(${name} INTERFACE IMPORTED)
  target_include_directories(${name} SYSTEM INTERFACE ${SYSPULSE_WINDOWS_PREFIX}/include)
  target_compile_definitions(${name} INTERFACE ${ARGN})
endfunction()
syspulse_header_target(Boost::headers)
target_link_libraries(Boost::headers INTERFACE ws2_32 mswsock)
syspulse_header_target(nlohmann_json::nlohmann_json)
syspulse_header_target(CLI11::CLI11)
# Debian's spdlog uses the fmt beside it.
syspulse_header_target(spdlog::spdlog SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)

add_library(SQLite::SQLite3 STATIC IMPORTED)
set_target_properties(SQLite::SQLite3 PROPERTIES IMPORTED_LOCATION ${SYSPULSE_WINDOWS_PREFIX}/lib/libsqlite3.a)
target_include_directories(SQLite::SQLite3 SYSTEM INTERFACE ${SYSPULSE_WINDOWS_PREFIX}/include)
add_library(PkgConfig::RE2 INTERFACE IMPORTED)
target_link_libraries(PkgConfig::RE2 INTERFACE re2::re2)
