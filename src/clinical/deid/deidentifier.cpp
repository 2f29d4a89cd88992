#include "clinical/deid/deidentifier.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "clinical/deid/dates.h"
#include "clinical/deid/detect.h"
#include "clinical/deid/lexicon.h"
#include "clinical/deid/names.h"
#include "clinical/deid/secret.h"
#include "clinical/deid/surrogate.h"

namespace medlar::clinical {
namespace {

// a control character on a line of its own: no name, number or address goes over it
constexpr std::string_view separator = "\n\x1e\n";

void append(std::vector<Span>& spans, std::vector<Span> more) {
  std::move(more.begin(), more.end(), std::back_inserter(spans));
}

std::string_view part(std::string_view text, text::ByteRange range) {
  return text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
}

/// The part of a span inside a range, or empty.
std::optional<Span> cut(const Span& span, text::ByteRange range) {
  Span inside = span;
  inside.range.begin = std::max(span.range.begin, range.begin);
  inside.range.end = std::min(span.range.end, range.end);
  return inside.range.begin < inside.range.end ? std::optional(inside) : std::nullopt;
}

/// Several words that somebody wrote: codes, numbers and names of fields say nothing to a model.
bool is_prose(const Field& field) {
  return field.label.empty() && std::ranges::count(field.text, ' ') > 2;
}

}  // namespace

DeidOptions with_key(DeidOptions options) {
  if (!options.key.empty()) return options;
  options.secret_key = options.method == Method::hash;
  constexpr i64 key_bytes = 32;
  options.key = options.secret_key ? random_bytes(key_bytes) : "seed:0";
  return options;
}

Deidentifier::Deidentifier(DeidOptions options) : options_(std::move(options)) {
  const bool needs_key = options_.method == Method::hash || options_.method == Method::replace ||
                         options_.reversible ||
                         (options_.method == Method::shift_dates && !options_.days);
  if (needs_key && options_.key.empty())
    fail(ErrorCode::invalid_argument, "the method {} needs a key", name_of(options_.method));
}

std::vector<Span> Deidentifier::find(const Document& document, std::vector<Span> more) const {
  append(more, options_.site.find(document.text()));
  std::vector<Span> spans = detect(document, std::move(more));
  options_.site.keep_allowed(spans, document.text());
  return spans;
}

/// What the model finds in fields of prose, each text read once however often it stands there;
/// `places` are those of the fields in the document that the rules read.
std::vector<Span> Deidentifier::find_in_prose(const std::vector<Field>& fields,
                                              const std::vector<text::ByteRange>& places) const {
  std::vector<Span> spans;
  if (options_.model == nullptr) return spans;
  std::string prose;
  std::map<std::string_view, text::ByteRange> read;
  for (const Field& field : fields) {
    if (!is_prose(field) || read.contains(field.text)) continue;
    read[field.text] = {ssize_of(prose), ssize_of(prose) + ssize_of(field.text)};
    prose += field.text + "\n\n";
  }
  if (prose.empty()) return spans;
  const std::vector<Span> found = options_.model->find(Document(std::move(prose)));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto at = read.find(fields[i].text);
    if (at == read.end() || !fields[i].label.empty()) continue;
    const i64 moved = places[i].begin - at->second.begin;
    auto next = std::ranges::partition_point(
        found, [&](const Span& span) { return span.range.begin < at->second.begin; });
    for (; next != found.end() && next->range.begin < at->second.end; ++next) {
      std::optional<Span> span = cut(*next, at->second);
      if (!span) continue;
      span->range.begin += moved;
      span->range.end += moved;
      spans.push_back(*std::move(span));
    }
  }
  return spans;
}

DeidResult Deidentifier::run(const Document& document, std::vector<Span> more) const {
  const std::string_view text = document.text();
  DeidResult result = {Deidentified({}), {}, {}};
  std::string output;
  i64 copied = 0;
  if (options_.model != nullptr) append(more, options_.model->find(document));
  for (Span& span : find(document, std::move(more))) {
    const std::string_view value = part(text, span.range);
    const Replacement now = replacement(span, value);
    output += part(text, {.begin = copied, .end = span.range.begin});
    const i64 begin = ssize_of(output);
    output += now.text;
    copied = span.range.end;
    if (options_.reversible && now.action != "keep") result.mapping[now.text] = value;
    result.redactions.push_back({std::move(span), now.action, {begin, ssize_of(output)}});
  }
  output += text.substr(static_cast<std::size_t>(copied));
  result.text = Deidentified(std::move(output));
  return result;
}

DeidResult Deidentifier::run(const std::string& file, const std::vector<Field>& fields) const {
  std::string joined;
  std::vector<text::ByteRange> places;
  std::vector<Span> labelled;
  for (const Field& field : fields) {
    const i64 begin = ssize_of(joined);
    joined += field.text;
    places.push_back({begin, ssize_of(joined)});
    if (!field.label.empty() && !field.text.empty())
      labelled.push_back({.range = places.back(),
                          .label = field.label,
                          .score = 1.0F,
                          .producer = "rule:field",
                          .evidence = "a field of the format"});
    joined += separator;
  }
  const Document document(std::move(joined));
  std::vector<Span> known = find_known_names(document.text(), labelled);
  append(known, std::move(labelled));
  append(known, find_in_prose(fields, places));
  const std::vector<Span> spans = find(document, std::move(known));

  DeidResult result = {Deidentified({}), {}, {}};
  std::string output;
  i64 copied = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    MEDLAR_CHECK(field.range.begin >= copied);
    output += part(file, {.begin = copied, .end = field.range.begin});
    copied = field.range.end;
    while (next < spans.size() && spans[next].range.end <= places[i].begin) ++next;
    std::string text;
    i64 done = places[i].begin;
    bool changed = false;
    for (std::size_t s = next; s < spans.size() && spans[s].range.begin < places[i].end; ++s) {
      const std::optional<Span> span = cut(spans[s], places[i]);
      if (!span) continue;
      const std::string_view value = part(document.text(), span->range);
      const Replacement now = replacement(*span, value);
      text += part(document.text(), {.begin = done, .end = span->range.begin});
      text += now.text;
      done = span->range.end;
      changed = changed || now.action != "keep";
      if (options_.reversible && now.action != "keep") result.mapping[now.text] = value;
      result.redactions.push_back({*span, now.action, {}});
    }
    text += part(document.text(), {.begin = done, .end = places[i].end});
    output += changed ? encoded(text, field.coding) : std::string(part(file, field.range));
  }
  output += part(file, {.begin = copied, .end = ssize_of(file)});
  result.text = Deidentified(std::move(output));
  return result;
}

std::string Deidentifier::token(const Span& span, std::string_view value) const {
  const Surrogates surrogates(options_.key, options_.patient);
  return fmt::format("[{}:{}]", span.label, surrogates.hash(span.label, value));
}

Deidentifier::Replacement Deidentifier::replacement(const Span& span,
                                                    std::string_view value) const {
  if (!options_.policy.hides(span.label)) return {std::string(value), "keep"};
  if (options_.reversible) return {token(span, value), "token"};
  const Replacement mask = {fmt::format("[{}]", span.label), "mask"};
  const Surrogates surrogates(options_.key, options_.patient);
  const bool is_date = span.label == "DATE";
  switch (options_.method) {
    case Method::remove:
      return {"", "remove"};
    case Method::hash:
      return {token(span, value), "hash"};
    case Method::replace:
      if (!is_date) {
        const std::string invented = surrogates.value(span.label, value);
        return invented.empty() ? mask : Replacement{invented, "replace"};
      }
      [[fallthrough]];
    case Method::shift_dates:
      if (is_date) {
        const auto shifted =
            shifted_date(value, options_.days ? *options_.days : surrogates.days());
        if (shifted) return {*shifted, "shift_dates"};
      }
      return mask;
    case Method::mask:
      break;
  }
  if (is_date && options_.days) {
    const auto shifted = shifted_date(value, *options_.days);
    if (shifted) return {*shifted, "shift_dates"};
  }
  return mask;
}

std::string reidentified(std::string_view text, const Mapping& mapping) {
  std::string result;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = text.find('[', at);
    result += text.substr(at, begin == std::string_view::npos ? begin : begin - at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = text.find(']', begin);
    constexpr std::size_t longest = 64;
    const bool token = end != std::string_view::npos && end - begin < longest;
    const auto found =
        token ? mapping.find(std::string(text.substr(begin, end - begin + 1))) : mapping.end();
    result += found != mapping.end() ? found->second : "[";
    at = found != mapping.end() ? end + 1 : begin + 1;
  }
  return result;
}

}  // namespace medlar::clinical
