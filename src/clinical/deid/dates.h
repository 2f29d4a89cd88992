#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar::clinical {

/// Which of two numbers of a date such as 3/4/2023 comes first.
enum class DateOrder { month_first, day_first };

/// The date as it is written, moved by `days`, in the same form: names of months long or short,
/// separators, widths, ordinals, times of day. A day and month without a year stay within a year of
/// 365 days; a month and year move as their 15th does. Empty for a form that is not understood.
std::optional<std::string> shifted_date(std::string_view date, i64 days,
                                        DateOrder order = DateOrder::month_first);

}  // namespace medlar::clinical
