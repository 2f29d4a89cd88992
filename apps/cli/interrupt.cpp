#include "interrupt.h"

#include <csignal>

#include "command.h"

namespace medlar::cli {
namespace {

// A signal handler can reach nothing else.
volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int signal) {
  stop_requested = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void install_interrupt_handler() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  std::signal(SIGPIPE, SIG_DFL);
}

void clear_interrupt() {
  stop_requested = 0;
  install_interrupt_handler();
}

bool interrupted() { return stop_requested != 0; }

void stop_if_interrupted() {
  if (interrupted()) fail(ErrorCode::cancelled, "stopped by the user");
}

}  // namespace medlar::cli
