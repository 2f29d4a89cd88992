#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"
#include "train/tagged_text.h"

/// Corpora that keep texts whole and name entities by offsets, cut into labelled sentences.
namespace medlar::train {

/// An entity of a text.
struct Annotation {
  std::string type;
  text::ByteRange range;
};

/// A text with what is in it, sorted by begin.
struct AnnotatedText {
  std::string text;
  std::vector<Annotation> annotations;
};

/// PubTator: "id|t|title", "id|a|abstract", then "id TAB begin TAB end TAB words TAB type ..";
/// offsets in code points of title, a space, abstract. Throws io, corrupt_file naming file and
/// line.
std::vector<AnnotatedText> read_pubtator(const std::filesystem::path& path);

/// BRAT: the .ann beside a .txt; of an entity in several pieces the whole stretch; all .txt of a
/// folder in order of their names, or one. Offsets in code points.
std::vector<AnnotatedText> read_brat(const std::filesystem::path& path);

/// An object a line: {"text": "..", "entities": [{"start": 0, "end": 4, "label": ".."}]}, offsets
/// in code points ("spans" and "type" are taken too).
std::vector<AnnotatedText> read_jsonl(const std::filesystem::path& path);

/// Words (runs of letters and digits, or one other character that is no white space) and their
/// labels; a sentence ends at a full stop, question or exclamation mark before white space and a
/// capital letter or digit, and at an empty line, but never inside an entity. Of entities that
/// overlap the longer counts.
std::vector<TaggedSentence> sentences_of(const AnnotatedText& text);

/// Labelled sentences of a file or folder in any of the formats: .jsonl, .pubtator or .txt
/// (PubTator), .ann and folders (BRAT), CoNLL otherwise.
std::vector<TaggedSentence> read_sentences(const std::filesystem::path& path);

}  // namespace medlar::train
