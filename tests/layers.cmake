# The architecture as a test, and the proof that the test can fail.
add_test(NAME layers COMMAND ${CMAKE_SOURCE_DIR}/tools/check_layers ${CMAKE_SOURCE_DIR})
add_test(NAME layers_self_test COMMAND ${CMAKE_SOURCE_DIR}/tools/check_layers_test)
