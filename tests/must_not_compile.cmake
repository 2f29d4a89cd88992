# What must not compile: each misuse is compiled as a test that has to fail, and the same file without
# one has to pass, so that no failure has another reason.
foreach(misuse 0 1 2 3 4)
  add_test(NAME must_not_compile_deidentified_${misuse} COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only
    -DMISUSE=${misuse} -I ${CMAKE_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR}/must_not_compile/deidentified.cpp -lfmt)
  if(NOT misuse EQUAL 0)
    set_tests_properties(must_not_compile_deidentified_${misuse} PROPERTIES WILL_FAIL TRUE)
  endif()
endforeach()
