#pragma once

namespace medlar {

/// Asks the allocator to keep what is freed for the next request: kernels take the same scratch for
/// every layer, and giving it back to the system each time costs a page fault for each 4 KiB. Once,
/// at the start of a program.
void keep_freed_memory();

}  // namespace medlar
