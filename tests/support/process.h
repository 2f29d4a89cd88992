#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace medlar::tests {

/// What a program left behind. exit_code is 128 + the signal where one ended it, -1 where it ran
/// too long.
struct ProcessResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// A running program. Its stdin, stdout and stderr are temporary files, so no pipe can fill up.
/// Killed when the object goes while it still runs. One thread.
class Process {
 public:
  Process(std::vector<std::string> command, const std::string& input)
      : in_(std::tmpfile(), &std::fclose),
        out_(std::tmpfile(), &std::fclose),
        err_(std::tmpfile(), &std::fclose) {
    if (!in_ || !out_ || !err_) throw std::runtime_error("no temporary file");
    std::fwrite(input.data(), 1, input.size(), in_.get());
    std::rewind(in_.get());
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ::fileno(in_.get()), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ::fileno(out_.get()), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ::fileno(err_.get()), STDERR_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int failed =
        ::posix_spawn(&pid_, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " + command.front());
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }

  /// True once the program handles a signal by itself (Linux: SigCgt of /proc/<pid>/status).
  bool catches(int signal) const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigCgt:")) continue;
      return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
    }
    return false;
  }

  /// Waits for the end; beyond the time limit the program is killed.
  ProcessResult wait(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > end)
        return {.exit_code = -1, .out = text_of(out_), .err = text_of(err_)};
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    pid_ = -1;
    return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = text_of(out_),
            .err = text_of(err_)};
  }

 private:
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  static std::string text_of(const File& file) {
    std::string text;
    char block[65536];
    for (off_t at = 0;;) {
      const ssize_t got = ::pread(::fileno(file.get()), block, sizeof block, at);
      if (got <= 0) return text;
      text.append(block, static_cast<std::size_t>(got));
      at += got;
    }
  }

  File in_;
  File out_;
  File err_;
  pid_t pid_ = -1;
};

/// Runs a program to its end, at most a minute.
inline ProcessResult run_process(const std::vector<std::string>& command,
                                 const std::string& input = "") {
  return Process(command, input).wait(std::chrono::minutes(1));
}

}  // namespace medlar::tests
