#include "clinical/deid/surrogate.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "clinical/data_files.h"
#include "clinical/deid/secret.h"
#include "clinical/deid/words.h"

namespace medlar::clinical {
namespace {

/// The entries of an embedded list that are one word of small ASCII letters and no common word.
std::vector<std::string_view> entries_of(std::string_view list) {
  std::vector<std::string_view> entries;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find('\n'), list.size());
    const std::string_view entry = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const bool plain = entry.size() >= 4 && std::all_of(entry.begin(), entry.end(), [](char c) {
                         return c >= 'a' && c <= 'z';
                       });
    if (plain && (Lexicon::embedded().flags(entry) & (word_common | word_term)) == 0)
      entries.push_back(entry);
  }
  return entries;
}

struct Pools {
  std::vector<std::string_view> given = entries_of(data::given_names());
  std::vector<std::string_view> family = entries_of(data::family_names());
  std::vector<std::string_view> cities = entries_of(data::cities());
};

const Pools& pools() {
  static const Pools all;
  return all;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_small(char c) { return c >= 'a' && c <= 'z'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }

/// `word` of small letters, written as `shape` is.
std::string in_shape(std::string_view word, Shape shape) {
  std::string result(word);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (shape == Shape::caps || (i == 0 && shape != Shape::lower))
      result[i] = static_cast<char>(result[i] - 'a' + 'A');
  }
  return result;
}

}  // namespace

Surrogates::Surrogates(std::string key, std::string patient)
    : key_(std::move(key)), patient_(std::move(patient)) {}

u64 Surrogates::draw(std::string_view purpose, std::string_view value) const {
  const std::string digest = hmac_sha256(key_, fmt::format("{}\n{}\n{}", purpose, patient_, value));
  u64 number = 0;
  for (int i = 0; i < 8; ++i)
    number = number << 8 | static_cast<u8>(digest[static_cast<std::size_t>(i)]);
  return number;
}

std::string Surrogates::hash(const std::string& label, std::string_view value) const {
  return fmt::format("{:016x}", draw("hash " + label, value));
}

i64 Surrogates::days() const { return -static_cast<i64>(1 + draw("days", "") % 365); }

std::string Surrogates::name(std::string_view value) const {
  std::string result;
  i64 copied = 0;
  for (const KnownWord& word : words_of(value, Lexicon::embedded())) {
    if (word.shape == Shape::mark) continue;
    result += value.substr(static_cast<std::size_t>(copied),
                           static_cast<std::size_t>(word.range.begin - copied));
    copied = word.range.end;
    const u64 drawn = draw("name", folded(word.text));
    if (word.shape == Shape::digits) {
      result += scrambled("DIGITS", word.text);
    } else if (word.shape == Shape::capital) {
      result += static_cast<char>('A' + drawn % 26);
    } else if (word.is(cue_facility | cue_facility_tail | cue_street | cue_particle | cue_title |
                       cue_unit)) {
      result += word.text;
    } else {
      const std::vector<std::string_view>& pool =
          word.is(word_given) && !word.is(word_family) ? pools().given : pools().family;
      result += in_shape(pool[drawn % pool.size()], word.shape);
    }
  }
  return result += value.substr(static_cast<std::size_t>(copied));
}

std::string Surrogates::scrambled(const std::string& label, std::string_view value) const {
  std::string result(value);
  std::string stream;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (i % 32 == 0)
      stream = hmac_sha256(key_, fmt::format("{}\n{}\n{}\n{}", label, patient_, value, i));
    const u8 drawn = static_cast<u8>(stream[i % 32]);
    if (is_digit(result[i])) result[i] = static_cast<char>('0' + drawn % 10);
    if (is_small(result[i])) result[i] = static_cast<char>('a' + drawn % 26);
    if (is_capital(result[i])) result[i] = static_cast<char>('A' + drawn % 26);
  }
  return result;
}

std::string Surrogates::value(const std::string& label, std::string_view value) const {
  if (label == "PATIENT" || label == "DOCTOR" || label == "HOSPITAL" || label == "ORGANIZATION" ||
      label == "STREET" || label == "LOCATION_OTHER")
    return name(value);
  if (label == "CITY") {
    const auto& cities = pools().cities;
    return in_shape(cities[draw("city", folded(value)) % cities.size()], Shape::title);
  }
  if (label == "EMAIL") return fmt::format("{}@example.org", hash(label, value).substr(0, 8));
  if (label == "URL") return fmt::format("https://example.org/{}", hash(label, value).substr(0, 8));
  if (label == "IPADDR") return fmt::format("192.0.2.{}", draw("ip", value) % 254 + 1);
  if (label == "AGE" || label == "DATE" || label == "PHOTO" || label == "PROFESSION") return {};
  return scrambled(label, value);
}

}  // namespace medlar::clinical
