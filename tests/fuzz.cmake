# One line per fuzz target.
foreach(format safetensors gguf pickle tf1_checkpoint llama2c sentencepiece picture)
  medlar_fuzz(${format} medlar_formats)
endforeach()
foreach(parser tokenizer_json tokenizer_encode tiktoken chat_template model_output)
  medlar_fuzz(${parser} medlar_text)
endforeach()
