# One line per room under test.
medlar_test(base medlar_base)
medlar_test(formats medlar_formats)
medlar_test(text medlar_text)
medlar_test(backend medlar_backend)
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/backend/avx512_emulated.cpp PROPERTIES
  COMPILE_OPTIONS "-mavx2;-mfma;-mf16c;-w;-Wno-psabi" SKIP_PRECOMPILE_HEADERS ON)
medlar_test(comm medlar_comm)
medlar_test(nn medlar_nn)
medlar_test(ops medlar_ops)
medlar_test(tensor medlar_tensor)
medlar_test(vision medlar_vision)
medlar_test(runtime medlar_runtime)
medlar_test(clinical medlar_clinical)
