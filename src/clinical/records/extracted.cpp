// The text of DOCX (ECMA-376) and PDF files.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <memory>

#include "base/error.h"
#include "clinical/records/records.h"
#include "clinical/records/xml.h"
#include "formats/zip_reader.h"

namespace medlar::clinical {
namespace {

constexpr i64 most_part_bytes = i64{64} << 20;

/// Paragraphs of one part of a DOCX file, a line each.
std::string paragraphs(std::string_view xml, const std::string& source) {
  std::string text;
  const XmlEvents events = {
      .start =
          [&](const std::vector<std::string>& path, const std::vector<XmlAttribute>&) {
            if (path.back() == "tab") text += '\t';
            if (path.back() == "br") text += '\n';
          },
      .end =
          [&](const std::vector<std::string>& path) {
            if (path.back() == "p") text += '\n';
          },
      .text =
          [&](const std::vector<std::string>& path, const std::string& piece, text::ByteRange) {
            if (path.back() == "t" || path.back() == "delText") text += piece;
          }};
  read_xml(xml, source, events);
  return text;
}

std::string docx_text(const std::string& bytes, const std::string& source) {
  const formats::ZipReader zip(std::as_bytes(std::span(bytes)), source);
  if (!zip.entries().contains("word/document.xml"))
    fail(ErrorCode::unsupported, "{}: a zip archive that is no DOCX", source);
  std::string text;
  for (const auto& [name, entry] : zip.entries()) {
    if (!name.starts_with("word/") || !name.ends_with(".xml")) continue;
    const std::string_view part = std::string_view(name).substr(5);
    const bool has_text = part.starts_with("document") || part.starts_with("header") ||
                          part.starts_with("footer") || part.starts_with("footnotes") ||
                          part.starts_with("endnotes") || part.starts_with("comments");
    if (!has_text) continue;
    if (entry.size > most_part_bytes)
      fail(ErrorCode::limit_exceeded, "{}: {} has more than 64 MiB", source, name);
    const formats::ZipContent content =
        formats::unpack(entry, name, source, formats::StoredCrc::checked);
    text += paragraphs({reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()},
                       source);
  }
  return text;
}

std::string pdf_text(const std::string& bytes,
                     const std::string& source) {  // its messages may quote the file
  poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
  poppler::byte_array data(bytes.begin(), bytes.end());
  const std::unique_ptr<poppler::document> document(poppler::document::load_from_data(&data));
  if (!document) fail(ErrorCode::corrupt_file, "{}: no PDF that can be read", source);
  if (document->is_locked()) fail(ErrorCode::unsupported, "{}: a PDF with a password", source);
  constexpr int most_pages = 20000;
  if (document->pages() > most_pages)
    fail(ErrorCode::limit_exceeded, "{}: more than {} pages", source, most_pages);
  std::string text;
  for (int number = 0; number < document->pages(); ++number) {
    const std::unique_ptr<poppler::page> page(document->create_page(number));
    if (!page) fail(ErrorCode::corrupt_file, "{}: page {} cannot be read", source, number + 1);
    const poppler::byte_array utf8 = page->text().to_utf8();
    text.append(utf8.begin(), utf8.end());
    text += '\n';
  }
  return text;
}

}  // namespace

std::string extracted_text(const std::string& bytes, RecordFormat format,
                           const std::string& source) {
  return format == RecordFormat::docx ? docx_text(bytes, source) : pdf_text(bytes, source);
}

}  // namespace medlar::clinical
