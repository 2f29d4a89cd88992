# What `cmake --install` gives beside the program: include/medlar, the rooms as static libraries, and the package
# file by which another project says find_package(medlar) and links medlar::medlar.
include(CMakePackageConfigHelpers)

set(public_rooms base tensor formats backend comm ops nn text models vision runtime clinical)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/medlar)

add_library(medlar_public INTERFACE)
target_link_libraries(medlar_public INTERFACE medlar_clinical)
set_target_properties(medlar_public PROPERTIES EXPORT_NAME medlar)
add_library(medlar::medlar ALIAS medlar_public)

list(TRANSFORM public_rooms PREPEND medlar_ OUTPUT_VARIABLE room_targets)
foreach(room ${public_rooms})
  set_target_properties(medlar_${room} PROPERTIES EXPORT_NAME ${room})
endforeach()
install(TARGETS medlar_public ${room_targets} EXPORT medlarTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/medlar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(EXPORT medlarTargets NAMESPACE medlar:: DESTINATION ${package_folder})

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/medlarConfig.cmake.in ${CMAKE_BINARY_DIR}/medlarConfig.cmake
  INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/medlarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/medlarConfig.cmake ${CMAKE_BINARY_DIR}/medlarConfigVersion.cmake
  DESTINATION ${package_folder})

# The models that ship, where the program looks for them (runtime/shipped_models.h).
install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/medlar/models
  FILES_MATCHING PATTERN *.gguf PATTERN README.md)
