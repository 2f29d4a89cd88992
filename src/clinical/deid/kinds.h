#pragma once

#include <array>
#include <string_view>

#include "base/types.h"

namespace medlar::clinical {

/// A label of i2b2-2014 and its line among the eighteen of 45 CFR 164.514(b)(2)(i), 1 to 18; 0 for
/// what is found but is none of them.
struct PhiKind {
  std::string_view label;
  int row = 0;
};

inline constexpr std::array phi_kinds = {
    PhiKind{"PATIENT", 1},       PhiKind{"DOCTOR", 1},     PhiKind{"USERNAME", 18},
    PhiKind{"PROFESSION", 0},    PhiKind{"HOSPITAL", 2},   PhiKind{"ORGANIZATION", 2},
    PhiKind{"STREET", 2},        PhiKind{"CITY", 2},       PhiKind{"STATE", 0},
    PhiKind{"COUNTRY", 0},       PhiKind{"ZIP", 2},        PhiKind{"LOCATION_OTHER", 2},
    PhiKind{"AGE", 3},           PhiKind{"DATE", 3},       PhiKind{"PHONE", 4},
    PhiKind{"FAX", 5},           PhiKind{"EMAIL", 6},      PhiKind{"SSN", 7},
    PhiKind{"MEDICALRECORD", 8}, PhiKind{"HEALTHPLAN", 9}, PhiKind{"ACCOUNT", 10},
    PhiKind{"LICENSE", 11},      PhiKind{"VEHICLE", 12},   PhiKind{"DEVICE", 13},
    PhiKind{"URL", 14},          PhiKind{"IPADDR", 15},    PhiKind{"BIOID", 16},
    PhiKind{"PHOTO", 17},        PhiKind{"IDNUM", 18},
};

/// The eighteen, in the order auditors read them.
struct HipaaRow {
  int number = 0;
  std::string_view name;
  std::string_view detectors;  ///< what looks for it; empty: a human must
};

inline constexpr std::array hipaa_rows = {
    HipaaRow{1, "Names", "dictionaries, titles, context, propagation"},
    HipaaRow{2, "Geography below state", "gazetteer, address forms, postal codes, institutions"},
    HipaaRow{3, "Dates except year; ages above 89", "date and age patterns"},
    HipaaRow{4, "Telephone numbers", "number patterns, context"},
    HipaaRow{5, "Fax numbers", "number patterns, the word fax"},
    HipaaRow{6, "E-mail addresses", "address pattern"},
    HipaaRow{7, "Social Security numbers", "pattern, SSA ranges, context"},
    HipaaRow{8, "Medical record numbers", "context, site patterns, NHS check digit"},
    HipaaRow{9, "Health plan numbers", "context, Medicare number form"},
    HipaaRow{10, "Account numbers", "context, Luhn, IBAN check digits"},
    HipaaRow{11, "Certificate and licence numbers", "context, DEA and NPI check digits"},
    HipaaRow{12, "Vehicle identifiers and plates", "context, VIN check digit"},
    HipaaRow{13, "Device identifiers and serial numbers", "context, network addresses"},
    HipaaRow{14, "Web addresses", "URL and host patterns"},
    HipaaRow{15, "IP addresses", "IPv4 and IPv6 patterns"},
    HipaaRow{16, "Biometric identifiers", ""},
    HipaaRow{17, "Full-face photographs and comparable images", ""},
    HipaaRow{18, "Any other unique number, characteristic or code", "forms of numbers, context"},
};

/// The kind with this label, or null.
constexpr const PhiKind* phi_kind(std::string_view label) {
  for (const PhiKind& kind : phi_kinds) {
    if (kind.label == label) return &kind;
  }
  return nullptr;
}

}  // namespace medlar::clinical
