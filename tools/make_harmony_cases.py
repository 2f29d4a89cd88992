"""Makes tests/cases/harmony.json: conversations and what openai-harmony 0.0.8 renders for them, outputs and how it
parses them. As text, so that a test needs no vocabulary; ids are tested with the golden files beside the checkout.

Run with `pip install openai-harmony==0.0.8`; the library fetches o200k_base unless TIKTOKEN_ENCODINGS_BASE names a
folder that has it.
"""

import json
import pathlib

import openai_harmony as harmony

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "cases" / "harmony.json"
ENCODING = harmony.load_harmony_encoding("HarmonyGptOss")


def text(role, words, **more):
    return {"role": role, "name": None, "content": [{"type": "text", "text": words}], **more}


def system(**fields):
    return {"role": "system", "name": None, "content": [{"type": "system_content", **fields}]}


def functions(*tools, **fields):
    spaces = {"functions": {"name": "functions", "tools": list(tools)}}
    return {"role": "developer", "name": None, "content": [{"type": "developer_content", "tools": spaces, **fields}]}


def tool(schema, description="Do it."):
    return {"name": "f", "description": description, "parameters": schema}


def properties(**schemas):
    return {"type": "object", "properties": schemas, "required": [next(iter(schemas))]}


SCHEMAS = [
    properties(a={"type": "integer", "default": 50, "description": "Years"}, b={"type": "number", "default": 1.0},
               c={"type": "boolean", "default": False}, d={"type": "string", "default": "x"}),
    properties(a={"type": "string", "enum": ["EU", "US"], "default": "EU"}, b={"type": "string", "enum": []},
               c={"type": "array", "items": {"type": "string", "enum": ["I21", "J18"]}}, d={"type": "array"}),
    properties(a={"type": "string", "nullable": True}, b={"type": ["integer", "null"]}, c={"type": ["string", "number"]},
               d={"type": "null"}, e={}),
    properties(a={"type": "object", "description": "Vital signs",
                  "properties": {"hr": {"type": "number", "description": "bpm"}, "bp": {"type": "object", "properties": {}}},
                  "required": ["hr"]}),
    properties(a={"oneOf": [{"type": "string", "description": "name"}, {"type": "number", "default": 7}],
                  "description": "patient", "default": "x"},
               b={"oneOf": [{"type": "string", "description": "same"}, {"type": "string", "enum": ["u"], "default": "u"}],
                  "description": "same"},
               c={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    properties(a={"type": "array", "items": {"oneOf": [{"type": "string", "nullable": True}, {"type": "integer"}]}}),
    properties(a={"title": "Title", "description": "Words", "type": "string", "examples": ["chest pain", 3, "fall"]},
               b={"type": "number", "default": 1e-7}, c={"type": "number", "default": 1e16},
               d={"type": "string", "default": None}, e={"type": "array", "default": ["a", {"b": 1}]}),
    {"oneOf": [{"type": "string", "enum": ["a"], "default": "a", "description": "one"}, {"type": "object", "properties": {}}]},
    {"type": "object", "description": "Arguments", "properties": {"a": True}},
    {"type": "string"},
]

CONVERSATIONS = [
    [system(), text("user", "Hi")],
    [system(model_identity="You are X.", reasoning_effort="Low", knowledge_cutoff="2024-06",
            conversation_start_date="2026-03-07",
            channel_config={"valid_channels": ["analysis", "final"], "channel_required": False}), text("user", "Hi")],
    [system(tools={"python": harmony.openai_harmony.get_tool_namespace_config("python"),
                   "browser": harmony.openai_harmony.get_tool_namespace_config("browser")},
            channel_config={"valid_channels": ["final"], "channel_required": True})],
    [system(channel_config={"valid_channels": ["final"], "channel_required": True}),
     functions({"name": "now", "description": "Time.\r\nOf day.\n"}, instructions="Be exact.")],
    [functions(), text("user", "Hi", name="bob")],
    [text("user", "a"), text("assistant", "hm", channel="analysis"),
     text("assistant", "{}", channel="commentary", recipient="functions.f", content_type="<|constrain|>json"),
     text("tool", "{}", name="functions.f", channel="commentary", recipient="assistant")],
    [text("user", "a"), text("assistant", "hm", channel="analysis"), text("assistant", "yes", channel="final"),
     text("user", "b"), text("assistant", "mm", channel="analysis"), text("assistant", "no", channel="final")],
    [text("assistant", "x", recipient="all"), text("assistant", "x", content_type="json", recipient="python")],
    [text("tool", "x")],
    [{"role": "user", "name": None, "content": [{"type": "system_content"}]}],
    [{"role": "assistant", "name": None, "content": [{"type": "developer_content"}]}],
] + [[functions(tool(schema))] for schema in SCHEMAS]

OUTPUTS = [
    ("assistant", "<|channel|>analysis<|message|>Hm µ.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"),
    ("assistant", "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"),
    ("assistant", " to=functions.f<|channel|>commentary json<|message|>{}<|call|>"),
    ("assistant", " to=functions.f<|constrain|>json<|message|>{}<|call|>"),
    ("assistant", "<|channel|>commentary<|constrain|>json<|message|>{}"),
    ("assistant", "<|message|>no channel<|end|>"),
    ("assistant", "assistant<|channel|>final code<|message|>x"),
    ("assistant", "<|channel|>final a b c d<|message|>x<|end|>"),
    ("assistant", "<|channel|><|message|>x"),
    ("assistant", "<|channel|>final"),
    ("assistant", "<|channel|>final<|message|>x<|end|>y"),
    ("assistant", "<|channel|>analysis words<|end|><|start|>assistant<|channel|>final<|message|>x"),
    ("user", "<|message|>Hi<|end|>"),
    (None, "<|start|>user<|message|>Hi<|end|><|start|>functions.f to=assistant<|channel|>commentary<|message|>{}<|end|>"),
    (None, "<|start|>nurse<|message|>Hi<|end|>"),
    (None, "<|start|><|message|>Hi<|end|>"),
    (None, "Hi"),
]


def render_case(messages, method):
    case = {"kind": "render", "method": method, "conversation": {"messages": messages}}
    arguments = [json.dumps(case["conversation"]), {"auto_drop_analysis": True}]
    if method.endswith("completion"):
        arguments.insert(1, "assistant")
    try:
        case["text"] = ENCODING.decode_utf8(getattr(ENCODING._inner, method)(*arguments))
    except (harmony.HarmonyError, RuntimeError) as error:
        case["error"] = str(error)
    return case


def parse_case(role, output, strict):
    case = {"kind": "parse", "role": role, "strict": strict, "text": output}
    ids = ENCODING.encode(output, allowed_special="all")
    try:
        messages = ENCODING.parse_messages_from_completion_tokens(ids, harmony.Role(role) if role else None, strict=strict)
        case["messages"] = [message.to_dict() for message in messages]
    except harmony.HarmonyError as error:
        case["error"] = str(error)
    return case


def main():
    cases = [render_case(messages, "render_conversation_for_completion") for messages in CONVERSATIONS]
    cases += [render_case(CONVERSATIONS[6], method)
              for method in ("render_conversation", "render_conversation_for_training")]
    cases += [parse_case(role, output, strict) for role, output in OUTPUTS for strict in (True, False)]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    OUT.write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases, {OUT.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
