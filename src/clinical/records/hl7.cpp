// The fields of HL7 version 2 that name somebody or that people wrote.
#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "clinical/records/hl7_syntax.h"
#include "clinical/records/records.h"

namespace medlar::clinical {
namespace {

/// A field that names somebody: its segment, its number, what it is.
struct NamingField {
  std::string_view segment;
  int number;
  std::string_view label;
};

/// HL7 v2.5.1 chapters 3 (PID, PD1, NK1, PV1), 4 (ORC, OBR), 6 (IN1, GT1), 8, 9 (TXA), 10 (AI*).
constexpr std::array naming_fields = {
    NamingField{"MSH", 3, "ORGANIZATION"},  NamingField{"MSH", 4, "HOSPITAL"},
    NamingField{"MSH", 5, "ORGANIZATION"},  NamingField{"MSH", 6, "HOSPITAL"},
    NamingField{"MSH", 7, "DATE"},          NamingField{"MSH", 10, "IDNUM"},
    NamingField{"EVN", 2, "DATE"},          NamingField{"EVN", 5, "DOCTOR"},
    NamingField{"EVN", 6, "DATE"},          NamingField{"PID", 2, "MEDICALRECORD"},
    NamingField{"PID", 3, "MEDICALRECORD"}, NamingField{"PID", 4, "MEDICALRECORD"},
    NamingField{"PID", 5, "PATIENT"},       NamingField{"PID", 6, "PATIENT"},
    NamingField{"PID", 7, "DATE"},          NamingField{"PID", 9, "PATIENT"},
    NamingField{"PID", 11, "STREET"},       NamingField{"PID", 12, "CITY"},
    NamingField{"PID", 13, "PHONE"},        NamingField{"PID", 14, "PHONE"},
    NamingField{"PID", 18, "ACCOUNT"},      NamingField{"PID", 19, "SSN"},
    NamingField{"PID", 20, "LICENSE"},      NamingField{"PID", 21, "MEDICALRECORD"},
    NamingField{"PID", 23, "CITY"},         NamingField{"PID", 29, "DATE"},
    NamingField{"PD1", 3, "HOSPITAL"},      NamingField{"PD1", 4, "DOCTOR"},
    NamingField{"NK1", 2, "PATIENT"},       NamingField{"NK1", 4, "STREET"},
    NamingField{"NK1", 5, "PHONE"},         NamingField{"NK1", 6, "PHONE"},
    NamingField{"NK1", 8, "DATE"},          NamingField{"NK1", 12, "IDNUM"},
    NamingField{"NK1", 13, "ORGANIZATION"}, NamingField{"NK1", 16, "DATE"},
    NamingField{"NK1", 30, "PATIENT"},      NamingField{"NK1", 31, "PHONE"},
    NamingField{"NK1", 32, "STREET"},       NamingField{"NK1", 33, "IDNUM"},
    NamingField{"NK1", 37, "SSN"},          NamingField{"PV1", 3, "HOSPITAL"},
    NamingField{"PV1", 5, "ACCOUNT"},       NamingField{"PV1", 6, "HOSPITAL"},
    NamingField{"PV1", 7, "DOCTOR"},        NamingField{"PV1", 8, "DOCTOR"},
    NamingField{"PV1", 9, "DOCTOR"},        NamingField{"PV1", 17, "DOCTOR"},
    NamingField{"PV1", 19, "ACCOUNT"},      NamingField{"PV1", 44, "DATE"},
    NamingField{"PV1", 45, "DATE"},         NamingField{"PV1", 50, "ACCOUNT"},
    NamingField{"PV1", 52, "DOCTOR"},       NamingField{"PV2", 8, "DATE"},
    NamingField{"PV2", 9, "DATE"},          NamingField{"ORC", 2, "IDNUM"},
    NamingField{"ORC", 3, "IDNUM"},         NamingField{"ORC", 9, "DATE"},
    NamingField{"ORC", 10, "DOCTOR"},       NamingField{"ORC", 11, "DOCTOR"},
    NamingField{"ORC", 12, "DOCTOR"},       NamingField{"ORC", 14, "PHONE"},
    NamingField{"ORC", 15, "DATE"},         NamingField{"ORC", 19, "DOCTOR"},
    NamingField{"ORC", 21, "HOSPITAL"},     NamingField{"ORC", 22, "STREET"},
    NamingField{"ORC", 23, "PHONE"},        NamingField{"ORC", 24, "STREET"},
    NamingField{"OBR", 2, "IDNUM"},         NamingField{"OBR", 3, "IDNUM"},
    NamingField{"OBR", 6, "DATE"},          NamingField{"OBR", 7, "DATE"},
    NamingField{"OBR", 8, "DATE"},          NamingField{"OBR", 10, "DOCTOR"},
    NamingField{"OBR", 14, "DATE"},         NamingField{"OBR", 16, "DOCTOR"},
    NamingField{"OBR", 17, "PHONE"},        NamingField{"OBR", 22, "DATE"},
    NamingField{"OBR", 28, "DOCTOR"},       NamingField{"OBR", 32, "DOCTOR"},
    NamingField{"OBR", 33, "DOCTOR"},       NamingField{"OBR", 34, "DOCTOR"},
    NamingField{"OBR", 35, "DOCTOR"},       NamingField{"OBR", 36, "DATE"},
    NamingField{"OBX", 14, "DATE"},         NamingField{"OBX", 16, "DOCTOR"},
    NamingField{"OBX", 18, "DEVICE"},       NamingField{"OBX", 19, "DATE"},
    NamingField{"OBX", 23, "HOSPITAL"},     NamingField{"OBX", 24, "STREET"},
    NamingField{"OBX", 25, "DOCTOR"},       NamingField{"TXA", 4, "DATE"},
    NamingField{"TXA", 5, "DOCTOR"},        NamingField{"TXA", 6, "DATE"},
    NamingField{"TXA", 7, "DATE"},          NamingField{"TXA", 8, "DATE"},
    NamingField{"TXA", 9, "DOCTOR"},        NamingField{"TXA", 10, "DOCTOR"},
    NamingField{"TXA", 11, "DOCTOR"},       NamingField{"TXA", 12, "IDNUM"},
    NamingField{"TXA", 13, "IDNUM"},        NamingField{"TXA", 22, "DOCTOR"},
    NamingField{"IN1", 2, "HEALTHPLAN"},    NamingField{"IN1", 4, "ORGANIZATION"},
    NamingField{"IN1", 5, "STREET"},        NamingField{"IN1", 6, "PATIENT"},
    NamingField{"IN1", 7, "PHONE"},         NamingField{"IN1", 8, "HEALTHPLAN"},
    NamingField{"IN1", 9, "ORGANIZATION"},  NamingField{"IN1", 10, "HEALTHPLAN"},
    NamingField{"IN1", 11, "ORGANIZATION"}, NamingField{"IN1", 12, "DATE"},
    NamingField{"IN1", 13, "DATE"},         NamingField{"IN1", 16, "PATIENT"},
    NamingField{"IN1", 18, "DATE"},         NamingField{"IN1", 19, "STREET"},
    NamingField{"IN1", 36, "HEALTHPLAN"},   NamingField{"IN1", 44, "STREET"},
    NamingField{"IN1", 49, "HEALTHPLAN"},   NamingField{"IN2", 1, "IDNUM"},
    NamingField{"IN2", 2, "SSN"},           NamingField{"IN2", 3, "ORGANIZATION"},
    NamingField{"GT1", 2, "IDNUM"},         NamingField{"GT1", 3, "PATIENT"},
    NamingField{"GT1", 4, "PATIENT"},       NamingField{"GT1", 5, "STREET"},
    NamingField{"GT1", 6, "PHONE"},         NamingField{"GT1", 7, "PHONE"},
    NamingField{"GT1", 8, "DATE"},          NamingField{"GT1", 12, "SSN"},
    NamingField{"GT1", 16, "ORGANIZATION"}, NamingField{"GT1", 17, "STREET"},
    NamingField{"GT1", 18, "PHONE"},        NamingField{"MRG", 1, "MEDICALRECORD"},
    NamingField{"MRG", 3, "ACCOUNT"},       NamingField{"MRG", 4, "MEDICALRECORD"},
    NamingField{"MRG", 7, "PATIENT"},       NamingField{"SCH", 11, "DATE"},
    NamingField{"SCH", 12, "DOCTOR"},       NamingField{"SCH", 13, "PHONE"},
    NamingField{"SCH", 14, "STREET"},       NamingField{"SCH", 16, "DOCTOR"},
    NamingField{"SCH", 17, "PHONE"},        NamingField{"SCH", 20, "DOCTOR"},
    NamingField{"AIP", 3, "DOCTOR"},        NamingField{"AIP", 6, "DATE"},
    NamingField{"AIL", 3, "HOSPITAL"},      NamingField{"AIL", 6, "DATE"},
    NamingField{"AIG", 3, "DOCTOR"},        NamingField{"AIS", 4, "DATE"},
    NamingField{"DG1", 5, "DATE"},          NamingField{"DG1", 16, "DOCTOR"},
    NamingField{"PR1", 5, "DATE"},          NamingField{"PR1", 8, "DOCTOR"},
    NamingField{"PR1", 11, "DOCTOR"},       NamingField{"PR1", 12, "DOCTOR"},
    NamingField{"AL1", 6, "DATE"},          NamingField{"RXA", 3, "DATE"},
    NamingField{"RXA", 4, "DATE"},          NamingField{"RXA", 10, "DOCTOR"},
    NamingField{"RXA", 11, "HOSPITAL"},     NamingField{"RXA", 15, "DEVICE"},
    NamingField{"RXA", 22, "DATE"},         NamingField{"SPM", 2, "IDNUM"},
    NamingField{"SPM", 17, "DATE"},         NamingField{"SPM", 18, "DATE"},
    NamingField{"PRT", 5, "DOCTOR"},        NamingField{"ROL", 4, "DOCTOR"},
    NamingField{"PRD", 2, "DOCTOR"},        NamingField{"PRD", 3, "STREET"},
    NamingField{"PRD", 5, "PHONE"},         NamingField{"PRD", 7, "IDNUM"},
    NamingField{"CTD", 2, "PATIENT"},       NamingField{"CTD", 3, "STREET"},
    NamingField{"CTD", 5, "PHONE"},         NamingField{"FT1", 4, "DATE"},
    NamingField{"FT1", 5, "DATE"},          NamingField{"FT1", 20, "DOCTOR"},
    NamingField{"FT1", 21, "DOCTOR"},       NamingField{"ACC", 1, "DATE"},
    NamingField{"TQ1", 7, "DATE"},          NamingField{"TQ1", 8, "DATE"},
    NamingField{"PRB", 2, "DATE"},          NamingField{"PRB", 7, "DATE"},
    NamingField{"GOL", 2, "DATE"},          NamingField{"STF", 3, "DOCTOR"},
};

/// Types of OBX-2 whose value is a coded or measured one; all others are text.
bool is_measured(std::string_view type) {
  return type == "NM" || type == "SN" || type == "CWE" || type == "CE" || type == "CNE" ||
         type.empty();
}

class Hl7Reader {
 public:
  Hl7Reader(const std::string& file, const std::string& source) : file_(file), source_(source) {}

  std::vector<Field> read() {
    for (const Hl7Segment& segment : hl7_segments(file_, source_)) read_segment(segment);
    return std::move(fields_);
  }

 private:
  void read_segment(const Hl7Segment& segment) {
    delimiters_ = segment.delimiters;
    type_.clear();
    std::size_t at = segment.begin + 4;
    for (int number = segment.header ? 2 : 1; at <= segment.end; ++number) {
      const std::size_t stop = std::min(file_.find(delimiters_.field, at), segment.end);
      const bool names_delimiters = segment.header && number == 2;
      if (!names_delimiters) read_field(std::string(segment.name), number, at, stop);
      at = stop + 1;
    }
  }

  void read_field(const std::string& segment, int number, std::size_t begin, std::size_t end) {
    if (segment == "OBX" && number == 2) type_ = file_.substr(begin, end - begin);
    const std::string_view label = label_of(segment, number);
    if (label.empty() && !is_text(segment, number)) return;
    // each component by itself, so that a name keeps its parts
    const char component = label.empty() && segment != "OBX" ? '\0' : delimiters_.component;
    for (std::size_t at = begin; at < end;) {
      std::size_t stop = at;
      while (stop < end && file_[stop] != component && file_[stop] != delimiters_.repetition &&
             file_[stop] != delimiters_.subcomponent)
        ++stop;
      if (stop > at) add(at, stop, label);
      at = stop + 1;
    }
  }

  static std::string_view label_of(std::string_view segment, int number) {
    for (const NamingField& field : naming_fields) {
      if (field.segment == segment && field.number == number) return field.label;
    }
    return {};
  }

  /// Free text: notes, text results, and every segment of a site's own.
  bool is_text(std::string_view segment, int number) const {
    if (segment == "OBX") return number == 5 && !is_measured(type_);
    if (segment == "NTE") return number == 3;
    if (segment[0] == 'Z') return true;
    return number >= 2 && segment != "MSH";
  }

  void add(std::size_t begin, std::size_t end, std::string_view label) {
    const std::string text =
        hl7_unescaped(std::string_view(file_).substr(begin, end - begin), delimiters_);
    // codes of tables ("L", "MR", "USA") name nobody
    const bool code =
        text.size() < 3 || (label != "PATIENT" && label != "DOCTOR" && text.size() <= 4 &&
                            text.find_first_of("0123456789") == std::string::npos);
    if (code && !(label == "PATIENT" && text.size() > 1)) return;
    fields_.push_back({.range = {static_cast<i64>(begin), static_cast<i64>(end)},
                       .text = text,
                       .label = std::string(label),
                       .coding = Coding::hl7});
  }

  const std::string& file_;
  const std::string& source_;
  Hl7Delimiters delimiters_;
  std::string type_;  ///< OBX-2 of the segment
  std::vector<Field> fields_;
};

}  // namespace

std::vector<Field> hl7_fields(const std::string& file, const std::string& source) {
  return Hl7Reader(file, source).read();
}

}  // namespace medlar::clinical
