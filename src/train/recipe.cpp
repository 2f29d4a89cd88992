#include "train/recipe.h"

#include <toml++/toml.h>
#include <set>

#include "base/error.h"

namespace medlar::train {
namespace {

/// A table whose keys are all asked for.
class Keys {
 public:
  Keys(const toml::table& table, std::string where) : table_(table), where_(std::move(where)) {}

  template <typename T>
  void read(std::string_view key, T& value) {
    asked_.insert(std::string(key));
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::filesystem::path>) {
      const auto text = node->value_exact<std::string>();
      if (!text) refuse(key, "a text");
      value = *text;
    } else if constexpr (std::is_same_v<T, bool>) {
      const auto flag = node->value_exact<bool>();
      if (!flag) refuse(key, "true or false");
      value = *flag;
    } else if constexpr (std::is_integral_v<T>) {
      const auto number = node->value_exact<int64_t>();
      if (!number || *number < 0) refuse(key, "a whole number");
      value = static_cast<T>(*number);
    } else {
      const auto number = node->value<double>();
      if (!number || !(*number >= 0.0)) refuse(key, "a number of at least 0");
      value = static_cast<T>(*number);
    }
  }

  const toml::table* table(std::string_view key) {
    asked_.insert(std::string(key));
    return table_.get(key) != nullptr ? table_.get(key)->as_table() : nullptr;
  }

  const toml::array* array(std::string_view key) {
    asked_.insert(std::string(key));
    return table_.get(key) != nullptr ? table_.get(key)->as_array() : nullptr;
  }

  void refuse_others() const {
    for (const auto& [key, node] : table_) {
      if (!asked_.contains(key.str()))
        fail(ErrorCode::corrupt_file, "{}: no key '{}' is known", where_, key.str());
    }
  }

  [[noreturn]] void refuse(std::string_view key, std::string_view wanted) const {
    fail(ErrorCode::corrupt_file, "{}: {} must be {}", where_, key, wanted);
  }

 private:
  const toml::table& table_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
};

TrainingOptions options_from(const toml::table& table, const std::string& where) {
  Keys keys(table, where + " [training]");
  TrainingOptions o;
  std::string decay = "linear";
  keys.read("epochs", o.epochs);
  keys.read("steps", o.steps);
  keys.read("batch_tokens", o.batch_tokens);
  keys.read("accumulate", o.accumulate);
  keys.read("sequence_tokens", o.sequence_tokens);
  keys.read("learning_rate", o.learning_rate);
  keys.read("warmup", o.warmup);
  keys.read("decay", decay);
  keys.read("falling", o.falling);
  keys.read("clip", o.clip);
  keys.read("dropout", o.dropout);
  keys.read("label_smoothing", o.label_smoothing);
  keys.read("weight_decay", o.adamw.weight_decay);
  keys.read("beta1", o.adamw.beta1);
  keys.read("beta2", o.adamw.beta2);
  keys.read("epsilon", o.adamw.epsilon);
  keys.read("seed", o.seed);
  keys.read("evaluations", o.evaluations);
  keys.read("devel_share", o.devel_share);
  keys.read("patience", o.patience);
  keys.read("save_minutes", o.save_minutes);
  keys.refuse_others();
  const std::map<std::string, Decay> decays = {
      {"linear", Decay::linear}, {"cosine", Decay::cosine}, {"none", Decay::none}};
  if (!decays.contains(decay)) keys.refuse("decay", "linear, cosine or none");
  o.decay = decays.at(decay);
  if (o.devel_share > 1.0 || o.falling > 1.0) keys.refuse("devel_share and falling", "at most 1");
  if (o.epochs < 1 || o.batch_tokens < 1 || o.accumulate < 1 || o.clip <= 0.0 ||
      o.dropout >= 1.0f) {
    keys.refuse("epochs, batch_tokens, accumulate and clip", "above 0, dropout below 1");
  }
  return o;
}

LoraOptions lora_from(const toml::table& table, const std::string& where) {
  Keys keys(table, where + " [lora]");
  LoraOptions lora = {.rank = 8, .targets = {}};
  keys.read("rank", lora.rank);
  keys.read("alpha", lora.alpha);
  if (const toml::array* targets = keys.array("targets")) {
    for (const toml::node& target : *targets) {
      const auto text = target.value_exact<std::string>();
      if (!text || text->empty()) keys.refuse("targets", "texts");
      lora.targets.push_back(*text);
    }
  }
  keys.refuse_others();
  if (lora.rank < 1 || lora.rank > 4096 || lora.alpha <= 0.0 || lora.targets.empty())
    keys.refuse("rank, alpha and targets", "from 1 to 4096, above 0 and given");
  return lora;
}

TeacherOptions teacher_from(const toml::table& table, const std::string& where) {
  Keys keys(table, where + " [teacher]");
  TeacherOptions teacher;
  keys.read("model", teacher.model);
  keys.read("temperature", teacher.temperature);
  keys.read("weight", teacher.weight);
  keys.refuse_others();
  if (teacher.model.empty() || teacher.temperature <= 0.0)
    keys.refuse("model and temperature", "given and above 0");
  return teacher;
}

HeadSource head_from(const toml::table& table, const std::string& where) {
  Keys keys(table, where + " [[head]]");
  HeadSource head;
  keys.read("name", head.name);
  keys.read("train", head.train);
  keys.read("devel", head.devel);
  keys.read("share", head.share);
  keys.read("weight", head.weight);
  keys.read("crf", head.crf);
  if (const toml::table* types = keys.table("types")) {
    for (const auto& [from, to] : *types) {
      const auto text = to.value_exact<std::string>();
      if (!text) keys.refuse("types", "texts");
      head.types[std::string(from.str())] = *text;
    }
  }
  keys.refuse_others();
  if (head.name.empty() || head.train.empty()) keys.refuse("name and train", "given");
  if (head.share > 1.0) keys.refuse("share", "at most 1");
  return head;
}

TaskKind task_named(const std::string& name, const Keys& keys) {
  const std::map<std::string, TaskKind> tasks = {{"tokens", TaskKind::tokens},
                                                 {"masked-lm", TaskKind::masked_lm},
                                                 {"sequence", TaskKind::sequence},
                                                 {"causal-lm", TaskKind::causal_lm}};
  if (!tasks.contains(name)) keys.refuse("task", "tokens, masked-lm, sequence or causal-lm");
  return tasks.at(name);
}

}  // namespace

Recipe read_recipe(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    fail(ErrorCode::not_found, "no recipe {}", path.string());
  toml::table table;
  try {
    table = toml::parse_file(path.string());
  } catch (const toml::parse_error& error) {
    fail(ErrorCode::corrupt_file, "{}:{}: {}", path.string(), error.source().begin.line,
         error.description());
  }
  Recipe recipe;
  Keys keys(table, path.string());
  keys.read("name", recipe.name);
  keys.read("base", recipe.base);
  keys.read("data", recipe.data);
  std::string task = "tokens";
  keys.read("task", task);
  recipe.task = task_named(task, keys);
  keys.read("train", recipe.train);
  keys.read("devel", recipe.devel);
  const toml::table empty;
  const toml::table* training = keys.table("training");
  recipe.options = options_from(training != nullptr ? *training : empty, path.string());
  if (const toml::table* lora = keys.table("lora")) recipe.lora = lora_from(*lora, path.string());
  if (const toml::table* teacher = keys.table("teacher"))
    recipe.teacher = teacher_from(*teacher, path.string());
  keys.table("head");
  keys.refuse_others();
  if (recipe.base.empty()) keys.refuse("base", "the folder of an encoder");
  if (const toml::array* heads = table["head"].as_array()) {
    for (const toml::node& head : *heads) {
      if (!head.is_table()) keys.refuse("head", "tables, [[head]]");
      recipe.heads.push_back(head_from(*head.as_table(), path.string()));
    }
  }
  const bool by_heads = recipe.task == TaskKind::tokens;
  if (by_heads && recipe.heads.empty()) keys.refuse("head", "at least one table, [[head]]");
  if (!by_heads && recipe.train.empty()) keys.refuse("train", "given");
  if (by_heads == recipe.heads.empty() || by_heads != recipe.train.empty())
    keys.refuse("head", "of the task tokens, train and devel of the others");
  return recipe;
}

}  // namespace medlar::train
