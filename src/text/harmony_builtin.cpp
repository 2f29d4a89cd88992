// The built-in tools of gpt-oss. Their words are part of what the model was trained on
// (openai/harmony, docs/format.md, "Built-in tools"): not a letter may change.
#include "text/harmony.h"

namespace medlar::text {
namespace {

Json object_schema(Json properties, Json required) {
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

const Json text_type = {{"type", "string"}};

Json number_type(i64 otherwise) { return {{"type", "number"}, {"default", otherwise}}; }

HarmonyTool search() {
  return {.name = "search",
          .description = "Searches for information related to `query` and displays `topn` results.",
          .parameters = object_schema(
              {{"query", text_type}, {"topn", number_type(10)}, {"source", text_type}},
              Json::array({"query"}))};
}

HarmonyTool open() {
  return {
      .name = "open",
      .description =
          "Opens the link `id` from the page indicated by `cursor` starting at line number `loc`, "
          "showing `num_lines` lines.\n"
          "Valid link ids are displayed with the formatting: `【{id}†.*】`.\n"
          "If `cursor` is not provided, the most recent page is implied.\n"
          "If `id` is a string, it is treated as a fully qualified URL associated with `source`.\n"
          "If `loc` is not provided, the viewport will be positioned at the beginning of the "
          "document or centered on the most relevant passage, if available.\n"
          "Use this function without `id` to scroll to a new location of an opened page.",
      .parameters =
          object_schema({{"id", {{"type", Json::array({"number", "string"})}, {"default", -1}}},
                         {"cursor", number_type(-1)},
                         {"loc", number_type(-1)},
                         {"num_lines", number_type(-1)},
                         {"view_source", {{"type", "boolean"}, {"default", false}}},
                         {"source", text_type}},
                        Json::array())};
}

HarmonyTool find() {
  return {.name = "find",
          .description =
              "Finds exact matches of `pattern` in the current page, or the page given "
              "by `cursor`.",
          .parameters = object_schema({{"pattern", text_type}, {"cursor", number_type(-1)}},
                                      Json::array({"pattern"}))};
}

}  // namespace

HarmonyNamespace harmony_browser() {
  return {.name = "browser",
          .description =
              "Tool for browsing.\n"
              "The `cursor` appears in brackets before each browsing display: `[{cursor}]`.\n"
              "Cite information from the tool using the following format:\n"
              "`【{cursor}†L{line_start}(-L{line_end})?】`, for example: `【6†L9-L11】` or "
              "`【8†L3】`.\n"
              "Do not quote more than 10 words directly from the tool output.\n"
              "sources=web (default: web)",
          .tools = {search(), open(), find()}};
}

HarmonyNamespace harmony_python() {
  return {
      .name = "python",
      .description =
          "Use this tool to execute Python code in your chain of thought. The code will not be "
          "shown to the user. This tool should be used for internal reasoning, but not for code "
          "that is intended to be visible to the user (e.g. when creating plots, tables, or "
          "files).\n\n"
          "When you send a message containing Python code to python, it will be executed in a "
          "stateful Jupyter notebook environment. python will respond with the output of the "
          "execution or time out after 120.0 seconds. The drive at '/mnt/data' can be used to save "
          "and persist user files. Internet access for this session is UNKNOWN. Depends on the "
          "cluster.",
      .tools = {}};
}

}  // namespace medlar::text
