# The built program from outside, and the commands of the guide.
medlar_test(e2e medlar_train medlar_runtime)
target_compile_definitions(test_e2e PRIVATE MEDLAR_CLI="$<TARGET_FILE:medlar_cli>"
  MEDLAR_VERSION="${PROJECT_VERSION}")
add_dependencies(test_e2e medlar_cli)
set_tests_properties(e2e PROPERTIES TIMEOUT 300)
add_test(NAME guide_first_steps COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/run_guide.sh
  ${CMAKE_SOURCE_DIR} $<TARGET_FILE:medlar_cli> docs/guide/first-steps.md)
set_tests_properties(guide_first_steps PROPERTIES TIMEOUT 120)
add_test(NAME guide_de_identification COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/run_guide.sh
  ${CMAKE_SOURCE_DIR} $<TARGET_FILE:medlar_cli> docs/guide/de-identification.md)
set_tests_properties(guide_de_identification PROPERTIES TIMEOUT 120)
add_test(NAME guide_clinical_notes COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/run_guide.sh
  ${CMAKE_SOURCE_DIR} $<TARGET_FILE:medlar_cli> docs/guide/clinical-notes.md)
set_tests_properties(guide_clinical_notes PROPERTIES TIMEOUT 120)
