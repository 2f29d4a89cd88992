#include "clinical/records/xml.h"

#include <expat.h>

#include <exception>
#include <memory>

#include "base/error.h"
#include "text/unicode.h"

namespace medlar::clinical {
namespace {

constexpr std::size_t deepest = 256;

std::string local_name(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

/// expat's callbacks. An exception may not pass through C: it is kept, and thrown afterwards.
class Reader {
 public:
  Reader(std::string_view file, const std::string& source, const XmlEvents& events)
      : file_(file),
        source_(source),
        events_(events),
        parser_(XML_ParserCreate("UTF-8"), XML_ParserFree) {
    if (!parser_) fail(ErrorCode::out_of_memory, "no memory for an XML parser");
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser_.get(), on_text);
    XML_SetCdataSectionHandler(parser_.get(), on_break, on_break);
    XML_SetCommentHandler(parser_.get(), [](void* self, const char*) { on_break(self); });
    XML_SetStartDoctypeDeclHandler(parser_.get(), on_doctype);
  }

  void read() {
    constexpr std::size_t most_bytes = std::size_t{1} << 30;
    if (file_.size() > most_bytes)
      fail(ErrorCode::limit_exceeded, "{}: more than 1 GiB of XML", source_);
    const XML_Status status =
        XML_Parse(parser_.get(), file_.data(), static_cast<int>(file_.size()), XML_TRUE);
    if (error_) std::rethrow_exception(error_);
    if (status != XML_STATUS_OK)
      fail(ErrorCode::corrupt_file, "{}: no well-formed XML at line {}, column {}: {}", source_,
           XML_GetCurrentLineNumber(parser_.get()), XML_GetCurrentColumnNumber(parser_.get()),
           XML_ErrorString(XML_GetErrorCode(parser_.get())));
  }

 private:
  template <typename Work>
  static void guarded(void* self, Work work) {
    auto& reader = *static_cast<Reader*>(self);
    try {
      work(reader);
    } catch (...) {
      reader.error_ = std::current_exception();
      XML_StopParser(reader.parser_.get(), XML_FALSE);
    }
  }

  static void on_start(void* self, const char* name, const char** attributes) {
    guarded(self, [&](Reader& r) { r.start(name, attributes); });
  }
  static void on_end(void* self, const char*) {
    guarded(self, [](Reader& r) {
      r.flush();
      if (r.events_.end) r.events_.end(r.path_);
      r.path_.pop_back();
    });
  }
  static void on_text(void* self, const char* text, int size) {
    guarded(self, [&](Reader& r) { r.add_text({text, static_cast<std::size_t>(size)}); });
  }
  static void on_break(void* self) {
    guarded(self, [](Reader& r) { r.flush(); });
  }
  static void on_doctype(void* self, const char*, const char*, const char*, int has_subset) {
    guarded(self, [&](Reader& r) {
      if (has_subset != 0)
        fail(ErrorCode::unsupported, "{}: XML with declarations of its own", r.source_);
    });
  }

  i64 byte() const { return static_cast<i64>(XML_GetCurrentByteIndex(parser_.get())); }
  i64 bytes() const { return static_cast<i64>(XML_GetCurrentByteCount(parser_.get())); }

  void start(const char* name, const char** attributes) {
    flush();
    if (path_.size() >= deepest)
      fail(ErrorCode::limit_exceeded, "{}: XML nested deeper than {}", source_, deepest);
    path_.push_back(local_name(name));
    if (!events_.start) return;
    std::vector<XmlAttribute> found;
    // expat says what the values are, not where: they come in the order of the tag
    std::size_t at = static_cast<std::size_t>(byte());
    for (; *attributes != nullptr; attributes += 2) {
      at = file_.find('=', at);
      at = file_.find_first_of("\"'", at);
      const std::size_t end = file_.find(file_[at], at + 1);
      found.push_back({local_name(attributes[0]),
                       attributes[1],
                       {static_cast<i64>(at) + 1, static_cast<i64>(end)}});
      at = end + 1;
    }
    events_.start(path_, found);
  }

  void add_text(std::string_view text) {
    if (text_.empty()) begin_ = byte();
    text_ += text;
    end_ = byte() + bytes();
  }

  void flush() {
    if (text_.empty()) return;
    std::string text = std::move(text_);
    text_.clear();
    if (events_.text) events_.text(path_, std::move(text), {begin_, end_});
  }

  std::string_view file_;
  const std::string& source_;
  const XmlEvents& events_;
  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser_;
  std::vector<std::string> path_;
  std::string text_;
  i64 begin_ = 0;
  i64 end_ = 0;
  std::exception_ptr error_;
};

}  // namespace

void read_xml(std::string_view file, const std::string& source, const XmlEvents& events) {
  text::check_utf8(file);
  Reader(file, source, events).read();
}

}  // namespace medlar::clinical
