# Installs the build tree `build` into a folder of its own, builds tests/package/program against it and compares
# what that says with the published text.
set(work ${build}/package)
file(REMOVE_RECURSE ${work})

# Static libraries bring their instrumentation along: whoever links them needs the same flags.
set(flags "")
if(sanitize)
  string(APPEND flags " -fsanitize=${sanitize}")
endif()
if(coverage)
  string(APPEND flags " -fprofile-instr-generate")
endif()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/prefix)
file(GLOB headers RELATIVE ${work}/prefix/include ${work}/prefix/include/*)
if(NOT headers STREQUAL "medlar")
  message(FATAL_ERROR "installed in include/: ${headers}; only medlar/ belongs there")
endif()
run(${CMAKE_COMMAND} -S ${source}/tests/package/program -B ${work}/build -G ${generator}
  -D CMAKE_PREFIX_PATH=${work}/prefix -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_CXX_FLAGS=${flags})
run(${CMAKE_COMMAND} --build ${work}/build)

execute_process(COMMAND ${work}/build/story ${source}/models/stories260K
  RESULT_VARIABLE status OUTPUT_VARIABLE story ERROR_VARIABLE errors)
file(READ ${source}/tests/cases/stories260K/greedy_200.txt expected)
if(NOT status EQUAL 0 OR NOT story STREQUAL expected)
  message(FATAL_ERROR "exit ${status}\n${errors}\nexpected:\n${expected}\ngot:\n${story}")
endif()
file(REMOVE_RECURSE ${work})
