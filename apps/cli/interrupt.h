#pragma once

namespace medlar::cli {

/// Ctrl-C and SIGTERM ask the running verb to stop at its next step; a second one ends the process.
void install_interrupt_handler();

/// Forgets a Ctrl-C that was heeded: the next one is a first one again.
void clear_interrupt();

}  // namespace medlar::cli
