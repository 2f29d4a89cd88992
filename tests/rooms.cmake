# One line per room under test.
medlar_test(base medlar_base)
medlar_test(formats medlar_formats)
medlar_test(text medlar_text)
medlar_test(backend medlar_backend)
medlar_test(ops medlar_ops)
medlar_test(runtime medlar_runtime)
