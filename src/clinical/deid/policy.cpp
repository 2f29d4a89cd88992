#include "clinical/deid/policy.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "clinical/data_files.h"

namespace medlar::clinical {
namespace {

constexpr std::array<std::pair<Method, const char*>, 5> method_names = {
    {{Method::mask, "mask"},
     {Method::remove, "remove"},
     {Method::replace, "replace"},
     {Method::hash, "hash"},
     {Method::shift_dates, "shift_dates"}}};

Policy read_policy(const Json& json) {
  return {.name = json.at("name").get<std::string>(),
          .version = json.at("version").get<std::string>(),
          .basis = json.at("basis").get<std::string>(),
          .method = method_named(json.value("method", "mask")),
          .keep = json.at("keep").get<std::set<std::string>>()};
}

}  // namespace

Method method_named(const std::string& name) {
  for (const auto& [method, known] : method_names) {
    if (name == known) return method;
  }
  fail(ErrorCode::usage, "no such method; there are mask, remove, replace, hash, shift_dates");
}

std::string name_of(Method method) {
  for (const auto& [known, name] : method_names) {
    if (method == known) return name;
  }
  return {};
}

const std::vector<Policy>& policies() {
  static const std::vector<Policy> all = [] {
    std::vector<Policy> read;
    const Json file = parse_json(data::policies(), "policies.json");
    for (const Json& json : file.at("policies")) read.push_back(read_policy(json));
    return read;
  }();
  return all;
}

const Policy& policy_named(const std::string& name) {
  std::string known;
  for (const Policy& policy : policies()) {
    if (policy.name == name) return policy;
    known += (known.empty() ? "" : ", ") + policy.name;
  }
  fail(ErrorCode::usage, "no such policy; there are {}", known);
}

}  // namespace medlar::clinical
