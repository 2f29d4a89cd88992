#include "base/platform_memory.h"

#include <cstdlib>  // defines __GLIBC__ where the C library is glibc
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace medlar {

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int largest = 32 << 20;  // what glibc lets M_MMAP_THRESHOLD be at most
  mallopt(M_MMAP_THRESHOLD, largest);
  mallopt(M_TRIM_THRESHOLD, 16 * largest);
#endif
}

}  // namespace medlar
