#pragma once

#include <thread>

namespace medlar {

/// Tells the processor that this is a waiting loop: less power, and room for the other hyperthread.
inline void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace medlar
