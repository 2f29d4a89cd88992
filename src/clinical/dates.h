#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clinical/quantities.h"
#include "clinical/span.h"

namespace medlar::clinical {

/// The day of "2024-03-05". Throws invalid_argument for anything else.
std::chrono::sys_days day_of(std::string_view iso);

std::string iso_date(std::chrono::sys_days day);

/// Dates and ages in the words of a sentence. A date span has the attribute "date" (ISO 8601, as
/// exact as the text: "2024-03"); one that is told from the note's date ("3 days ago", "yesterday")
/// has "relative" ("-P3D") and, where the note's date is known, "date". Numbers are read as
/// month/day/year unless the first is above 12. An age span has "value" and "unit" (UCUM a, mo, wk,
/// d).
std::vector<Span> dates_and_ages(std::string_view text, std::span<const Word> words,
                                 const std::optional<std::chrono::sys_days>& note_date);

/// The first full date of a text, for lines like "Date of service: 03/05/2024".
std::optional<std::chrono::sys_days> first_date(std::string_view text);

}  // namespace medlar::clinical
