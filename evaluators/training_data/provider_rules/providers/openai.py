"""OpenAI's rules for supervised fine-tuning and direct preference optimization."""

from evaluators.training_data.provider_rules import messages, tool_calls
from evaluators.training_data.provider_rules.rule import (
    ANSWERS,
    PAIR,
    Provider,
    ProviderRule,
    RowLayout,
    chat,
    json_lines,
    least_rows,
    most_bytes,
    preference,
)

SUPERVISED = "Supervised fine-tuning"
PREFERENCE = "Direct preference optimization"
PRACTICES = "Fine-tuning best practices"
COOKBOOK = "Data preparation and analysis for chat model fine-tuning"
INPUT = "API reference: chat input of fine-tuning"
CHAT = "API reference: chat completions"
FILES = "API reference: files"
DOCS = "https://developers.openai.com/api/docs"
KEYS = ("role", "content", "name", "weight", "refusal", "audio", "tool_calls", "tool_call_id", "function_call")
NOWHERE = "No document of OpenAI forbids it; Together and Fireworks do"


SHARED = (
    ProviderRule("roles", "roles `system`, `user`, `assistant`, `tool`, `function`", INPUT,
         messages.roles("system", "user", "assistant", "tool", "function")),
    ProviderRule("keys", "no other keys in a message than the documented ones", COOKBOOK, messages.known_keys(*KEYS)),
    ProviderRule("content", "a text or parts as content; images only of the user; none only beside calls", CHAT,
         messages.contents(user=("text", "image_url"), assistant=("text", "refusal"))),
    ProviderRule("empty-content", "no empty content", COOKBOOK, messages.not_empty),
    ProviderRule("last-message", "a last message of the assistant", SUPERVISED, messages.ends_with_assistant),
    *tool_calls.tool_rules(CHAT, strict=True),
    ProviderRule("parallel-calls", "`parallel_tool_calls` as boolean", INPUT, messages.PARALLEL_CALLS),
    ProviderRule("two-turns", "no two messages of the user or assistant in a row", NOWHERE, messages.alternates,
                 "suggestion"),
    ProviderRule("system-first", "no system message after the first message", NOWHERE, messages.system_first,
                 "suggestion"),
)  # fmt: skip
provider = Provider(
    "OpenAI",
    {
        SUPERVISED: f"{DOCS}/guides/supervised-fine-tuning",
        PREFERENCE: f"{DOCS}/guides/direct-preference-optimization",
        PRACTICES: f"{DOCS}/guides/fine-tuning-best-practices",
        INPUT: f"{DOCS}/api-reference/fine-tuning/chat-input",
        CHAT: f"{DOCS}/api-reference/chat/create",
        FILES: f"{DOCS}/api-reference/files/create",
        COOKBOOK: "https://cookbook.openai.com/examples/chat_finetuning_data_prep",
    },
    (
        RowLayout("chat", ("messages",), "`messages`, a list of objects", INPUT, chat, (
            *SHARED,
            ProviderRule("weight", "a weight of 0 or 1", PRACTICES, messages.weights),
            ProviderRule("weight-role", "a weight only in messages of the assistant", INPUT,
                         messages.weights_of_assistant),
            ProviderRule("trained", "a message of the assistant whose weight is not 0", PRACTICES, messages.trained),
        )),
        RowLayout("preference", ("input", *ANSWERS), PAIR, PREFERENCE, preference, (
            *SHARED,
            ProviderRule("one-answer", "exactly one message of the assistant as each output", PREFERENCE,
                         messages.ONE_ANSWER),
        )),
    ),
    (json_lines(FILES), most_bytes(512 << 20, "512 MB", FILES), least_rows(10, SUPERVISED)),
)  # fmt: skip
