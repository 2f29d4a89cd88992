# Language, warnings, sanitizers and the compiler cache: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

# A compiler cache where there is one. The sloppiness lets it cache files that use a precompiled header;
# without the folder in the hash, all build folders share what they compile.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

# a * b + c is fused only where the code says fma: the order and the rounding of every sum are part of
# the result (docs/decisions/0001-same-bits-everywhere.md).
add_compile_options(-ffp-contract=off)
if(MEDLAR_DEVELOPER)
  add_compile_options(-Wall -Wextra -Wconversion -Werror)
endif()
if(MEDLAR_SANITIZE)
  add_compile_options(-fsanitize=${MEDLAR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MEDLAR_SANITIZE})
endif()
if(MEDLAR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(MEDLAR_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()

# The headers that cost most, parsed once: JSON and formatting are two thirds of the time of a small file.
set(MEDLAR_PRECOMPILED <nlohmann/json.hpp> <fmt/format.h> <algorithm> <map> <memory> <optional> <string> <vector>)

# medlar_room(<name> <rooms and libraries below>...): src/<name>/**.cpp as the static target medlar_<name>.
function(medlar_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    add_library(medlar_${name} INTERFACE)
    return()
  endif()
  add_library(medlar_${name} STATIC ${sources})
  target_include_directories(medlar_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(medlar_${name} PUBLIC ${ARGN})
  target_precompile_headers(medlar_${name} PRIVATE ${MEDLAR_PRECOMPILED})
endfunction()

# medlar_embed(<room>): each file of src/<room>/data as text inside the program, given by the function
# medlar::<room>::data::<file>().
function(medlar_embed room)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/data/*)
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    set(source ${CMAKE_BINARY_DIR}/generated/${room}/data_${name}.cpp)
    configure_file(${CMAKE_SOURCE_DIR}/cmake/data_text.cpp.in ${source} @ONLY)
    set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    target_sources(medlar_${room} PRIVATE ${source})
  endforeach()
endfunction()
