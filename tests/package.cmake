# An installed medlar, used from outside: tests/package/program finds, links and runs it.
add_test(NAME package COMMAND ${CMAKE_COMMAND}
  -D build=${CMAKE_BINARY_DIR} -D source=${CMAKE_SOURCE_DIR} -D generator=${CMAKE_GENERATOR}
  -D compiler=${CMAKE_CXX_COMPILER} -D sanitize=${MEDLAR_SANITIZE} -D coverage=${MEDLAR_COVERAGE}
  -P ${CMAKE_CURRENT_SOURCE_DIR}/package/check.cmake)
set_tests_properties(package PROPERTIES TIMEOUT 60)
