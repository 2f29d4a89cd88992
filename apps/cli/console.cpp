#include <cstdio>
#include <fstream>
#include <iostream>

#include "base/mapped_file.h"
#include "base/threads.h"
#include "command.h"

namespace medlar::cli {

void Console::line(const std::string& text) const {
  if (!json) write(text + "\n");
}

void Console::write(const std::string& text) const {
  if (json) return;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void MachineOptions::add_threads(CLI::App& app) {
  app.add_option("--threads", threads, "Threads to use (default: all processors)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--isa", isa, "Instruction set: auto, reference, avx2, avx512")
      ->capture_default_str();
}

void MachineOptions::add_ranks(CLI::App& app) {
  app.add_option("--ranks", ranks,
                 "Split the model among this many ranks (threads of this process)")
      ->check(CLI::Range(1, 64));
}

void MachineOptions::add_vision_weights(CLI::App& app) {
  app.add_option(
         "--vision-weights", vision_weights,
         "Weights of the vision tower: the checkpoint's own, or the stock ones in its clip/")
      ->check(CLI::IsMember({"checkpoint", "stock"}))
      ->capture_default_str();
}

void MachineOptions::add_adapters(CLI::App& app) {
  app.add_option("--adapter", adapters, "Folder of a LoRA adapter to put on the model");
}

void MachineOptions::add_chunk(CLI::App& app) {
  app.add_option("--chunk", chunk, "Prompt tokens per step")->check(CLI::Range(1, 1 << 20));
}

i64 MachineOptions::threads_per_rank() const {
  const i64 all = threads > 0 ? threads : available_processors();
  return std::max(i64{1}, all / ranks);
}

std::string read_input(const std::string& path) {
  if (path != "-") return read_text_file(path);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

void for_each_line(const std::string& path, const std::function<void(const std::string&)>& visit) {
  std::ifstream file;
  if (path != "-") {
    file.open(path);
    if (!file) fail(ErrorCode::not_found, "cannot open {}", path);
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string line;
  while (std::getline(in, line)) {
    stop_if_interrupted();
    visit(line);
  }
  if (in.bad()) fail(ErrorCode::io, "cannot read {}", path);
}

}  // namespace medlar::cli
