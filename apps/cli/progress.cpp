#include "progress.h"

#include <algorithm>
#include <cstdio>

namespace medlar::cli {

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::at(i64 done, i64 total) {
  using std::chrono::milliseconds;
  if (!shows_ || total <= 0) return;
  const Clock::time_point now = Clock::now();
  if (now - start_ < milliseconds(1000) || now - last_ < milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  constexpr i64 width = 30;
  const i64 filled = std::min(width, width * done / total);
  const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                          std::string(static_cast<std::size_t>(width - filled), '.');
  std::fprintf(stderr, "\r%s [%s] %3d %%", label_.c_str(), bar.c_str(),
               static_cast<int>(std::min(i64{100}, 100 * done / total)));
  std::fflush(stderr);
}

}  // namespace medlar::cli
