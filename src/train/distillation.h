#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "comm/comm.h"
#include "formats/checkpoint.h"
#include "runtime/runner.h"
#include "train/token_loss.h"

/// Learning from the outputs of a larger model (Hinton, Vinyals and Dean 2015, arXiv 1503.02531).
namespace medlar::train {

struct TeacherOptions {
  std::filesystem::path model;  ///< empty: no teacher
  double temperature = 2.0;
  double weight = 1.0;  ///< of what the teacher says, beside the loss
};

/// A model that never changes, and which of its columns say what the student's do.
struct Teacher {
  TeacherOptions options;
  formats::Checkpoint checkpoint;
  std::unique_ptr<runtime::Runner> runner;
  std::vector<i64> columns;  ///< by the student's column, -1: it has none such
};

/// Opens the teacher. The columns are those of the same label in the head of the same name (or in
/// its one head), of texts those of the same label, of languages all. Throws invalid_argument where
/// teacher and student have nothing in common or other vocabularies.
std::unique_ptr<const Teacher> load_teacher(const TeacherOptions& options, const Json& student,
                                            comm::Comm& comm,
                                            const runtime::RunnerOptions& machine);

/// T^2 KL(teacher || student) of the softmaxes over the head's columns at temperature T, the
/// weighted mean over the rows whose target has a head that the teacher knows: logits [R, C] ->
/// [1]; 0 where there is no such row.
Tensor distillation_loss(ops::Context& ctx, const Tensor& logits, const Tensor& of_teacher,
                         std::span<const TokenTarget> targets, const Teacher& teacher);

}  // namespace medlar::train
