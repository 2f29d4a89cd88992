#pragma once

#include <set>
#include <string>
#include <vector>

namespace medlar::clinical {

/// What becomes of a span.
enum class Method {
  mask,         ///< [PATIENT]
  remove,       ///< nothing
  replace,      ///< an invented value of the same type and shape, the same for the same patient
  hash,         ///< [PATIENT:0f3a...], keyed
  shift_dates,  ///< dates by a number of days of the patient's own, everything else masked
};

/// Throws usage for an unknown name.
Method method_named(const std::string& name);
std::string name_of(Method method);

/// Which kinds stay. Data: src/clinical/data/policies.json.
struct Policy {
  std::string name;
  std::string version;
  std::string basis;  ///< the rule it follows
  Method method = Method::mask;
  std::set<std::string> keep;  ///< labels

  bool hides(const std::string& label) const { return !keep.contains(label); }
};

const std::vector<Policy>& policies();
/// Throws usage with the names there are.
const Policy& policy_named(const std::string& name);

}  // namespace medlar::clinical
