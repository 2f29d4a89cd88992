#include <medlar/engine.h>

#include <iostream>

int main(int, char** argv) {
  medlar::Engine engine = medlar::Engine::open(argv[1], {.threads = 1});
  engine.generate("", {.max_tokens = 200}, [](std::string_view text) {
    std::cout << text;
    return true;
  });
}
