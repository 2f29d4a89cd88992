#pragma once

#include "base/types.h"

/// Bounds on what one template may cost. Templates come with model files and their variables come
/// with requests, so neither is trusted; each bound is far above what real templates need and low
/// enough that reaching it costs neither the machine nor the patience of the caller.
namespace medlar::text::jinja {

/// Source size: the largest template known to us has 17 kB.
inline constexpr i64 max_source_bytes = i64{1} << 20;
/// Parentheses, blocks and chained operators inside one another: the deepest known template has 14.
/// Bounds the recursion of the parser and of the destructors of the syntax tree.
inline constexpr i64 max_nesting = 200;
/// Evaluation calls inside one another. A macro that calls itself adds about ten, so this is some
/// 120 levels of a nested JSON schema; at under 1 KiB a call it fits the 8 MiB stack of a thread.
inline constexpr i64 max_depth = 1200;
/// Lists within lists when they are printed, compared or hashed. JSON itself stops at 128.
inline constexpr i64 max_value_depth = 200;
/// Nodes evaluated, plus one for every 64 bytes of text touched: a fraction of a second. A
/// conversation of 1,000 messages takes some 200,000.
inline constexpr i64 max_steps = 5'000'000;
inline constexpr i64 text_bytes_per_step = 64;
/// One text, the result included: a context of a million tokens is about 5 MB.
inline constexpr i64 max_text_bytes = i64{1} << 23;
/// All texts and containers made during a rendering, freed at its end.
inline constexpr i64 max_heap_bytes = i64{1} << 28;
/// Numbers in a range(), as in Jinja's own sandbox.
inline constexpr i64 max_range = 100'000;
/// Width and precision in a printf-like format.
inline constexpr i64 max_field_width = 10'000;

}  // namespace medlar::text::jinja
