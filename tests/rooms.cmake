# One line per room under test.
medlar_test(base medlar_base)
medlar_test(formats medlar_formats)
medlar_test(text medlar_text)
