#pragma once

#include <memory>
#include <string>

#include "clinical/deid/phi_model.h"
#include "command.h"

namespace medlar::cli {

/// Which model looks for what identifies, beside the rules.
struct PhiModelOptions {
  std::string model;  ///< empty: the one that ships, where it is found
  bool none = false;
  MachineOptions machine;

  void add_to(CLI::App& app);
};

/// Null where there is none to look. Throws as clinical::PhiModel does.
std::shared_ptr<const clinical::PhiModel> open_phi_model(const PhiModelOptions& options);

}  // namespace medlar::cli
