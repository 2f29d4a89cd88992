// Conversations in the JSON of the reference library, in and out.
#include "base/error.h"
#include "text/harmony.h"

namespace medlar::text {
namespace {

/// One object of the conversation, with the place to name in errors.
class Fields {
 public:
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) fail(ErrorCode::invalid_argument, "{} must be an object", where_);
  }

  const std::string& where() const { return where_; }

  /// The member, or null where it is absent or null.
  const Json* find(std::string_view key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  const Json& at(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) fail(ErrorCode::invalid_argument, "{}: missing field `{}`", where_, key);
    return *value;
  }

  std::optional<std::string> text(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string())
      fail(ErrorCode::invalid_argument, "{}: {} must be a text", where_, key);
    return value->get<std::string>();
  }

  std::string required_text(std::string_view key) const {
    at(key);
    return *text(key);
  }

  const Json& list(std::string_view key) const {
    const Json& value = at(key);
    if (!value.is_array()) fail(ErrorCode::invalid_argument, "{}: {} must be a list", where_, key);
    return value;
  }

 private:
  const Json& json_;
  std::string where_;
};

HarmonyTool tool_from_json(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  HarmonyTool tool = {.name = fields.required_text("name"),
                      .description = fields.required_text("description"),
                      .parameters = {}};
  if (const Json* parameters = fields.find("parameters")) tool.parameters = *parameters;
  return tool;
}

HarmonyNamespace namespace_from_json(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  HarmonyNamespace space = {
      .name = fields.required_text("name"), .description = fields.text("description"), .tools = {}};
  for (const Json& tool : fields.list("tools"))
    space.tools.push_back(
        tool_from_json(tool, fmt::format("{}, tool {}", where, space.tools.size())));
  return space;
}

std::optional<HarmonyTools> tools_from_json(const Fields& fields) {
  const Json* json = fields.find("tools");
  if (json == nullptr) return std::nullopt;
  if (!json->is_object())
    fail(ErrorCode::invalid_argument, "{}: tools must be an object", fields.where());
  HarmonyTools tools;
  for (const auto& [key, space] : json->items())
    tools[key] = namespace_from_json(space, fields.where() + ", tools");
  return tools;
}

std::optional<ReasoningEffort> effort_from_json(const Fields& fields) {
  const std::optional<std::string> name = fields.text("reasoning_effort");
  if (!name) return std::nullopt;
  if (*name == "Low") return ReasoningEffort::low;
  if (*name == "Medium") return ReasoningEffort::medium;
  if (*name == "High") return ReasoningEffort::high;
  fail(ErrorCode::invalid_argument, "{}: reasoning_effort is one of Low, Medium, High",
       fields.where());
}

std::optional<HarmonyChannels> channels_from_json(const Fields& fields) {
  const Json* json = fields.find("channel_config");
  if (json == nullptr) return std::nullopt;
  const Fields config(*json, fields.where() + ", channel_config");
  HarmonyChannels channels = {.valid = {}, .required = false};
  for (const Json& name : config.list("valid_channels")) {
    if (!name.is_string())
      fail(ErrorCode::invalid_argument, "{}: a channel's name must be a text", config.where());
    channels.valid.push_back(name.get<std::string>());
  }
  const Json& required = config.at("channel_required");
  if (!required.is_boolean())
    fail(ErrorCode::invalid_argument, "{}: channel_required must be true or false", config.where());
  channels.required = required.get<bool>();
  return channels;
}

HarmonyContent content_from_json(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  const std::string type = fields.required_text("type");
  if (type == "text") return fields.required_text("text");
  if (type == "system_content") {
    return HarmonySystem{.model_identity = fields.text("model_identity"),
                         .knowledge_cutoff = fields.text("knowledge_cutoff"),
                         .conversation_start_date = fields.text("conversation_start_date"),
                         .reasoning_effort = effort_from_json(fields),
                         .tools = tools_from_json(fields),
                         .channels = channels_from_json(fields)};
  }
  if (type == "developer_content") {
    return HarmonyDeveloper{.instructions = fields.text("instructions"),
                            .tools = tools_from_json(fields)};
  }
  fail(ErrorCode::invalid_argument, "{}: type is one of text, system_content, developer_content",
       where);
}

HarmonyRole role_from_json(const Fields& fields) {
  const std::optional<HarmonyRole> role = harmony_role_named(fields.required_text("role"));
  if (!role) {
    fail(ErrorCode::invalid_argument, "{}: role is one of user, assistant, system, developer, tool",
         fields.where());
  }
  return *role;
}

HarmonyMessage message_from_json(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  HarmonyMessage message = {.role = role_from_json(fields),
                            .name = fields.text("name"),
                            .content = {},
                            .channel = fields.text("channel"),
                            .recipient = fields.text("recipient"),
                            .content_type = fields.text("content_type")};
  const Json& content = fields.at("content");
  if (content.is_string()) {
    message.content.emplace_back(content.get<std::string>());
    return message;
  }
  if (!content.is_array())
    fail(ErrorCode::invalid_argument, "{}: content must be a text or a list", where);
  for (const Json& part : content) {
    message.content.push_back(
        content_from_json(part, fmt::format("{}, content {}", where, message.content.size())));
  }
  return message;
}

}  // namespace

std::vector<HarmonyMessage> harmony_conversation_from_json(const Json& conversation) {
  const Fields fields(conversation, "the conversation");
  std::vector<HarmonyMessage> messages;
  for (const Json& message : fields.list("messages"))
    messages.push_back(message_from_json(message, fmt::format("message {}", messages.size())));
  return messages;
}

Json to_json(const HarmonyMessage& message) {
  Json json = {{"role", name_of(message.role)},
               {"name", message.name ? Json(*message.name) : Json(nullptr)},
               {"content", Json::array()}};
  for (const HarmonyContent& content : message.content) {
    if (const auto* text = std::get_if<std::string>(&content))
      json["content"].push_back({{"type", "text"}, {"text", *text}});
  }
  if (message.channel) json["channel"] = *message.channel;
  if (message.recipient) json["recipient"] = *message.recipient;
  if (message.content_type) json["content_type"] = *message.content_type;
  return json;
}

}  // namespace medlar::text
