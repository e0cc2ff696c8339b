"""Together's rules for conversations, instructions, preferences and texts."""

from evaluators.training_data.provider_rules import messages, tool_calls
from evaluators.training_data.provider_rules.rule import (
    ANSWERS,
    PAIR,
    Provider,
    ProviderRule,
    RowLayout,
    chat,
    json_lines,
    most_bytes,
    preference,
    texts,
)

DATA = "Data preparation"
PREFERENCE = "Preference fine-tuning"
VISION = "Vision fine-tuning"
CALLING = "Function-calling fine-tuning"
CLIENT = "Python client 2.10, check_file"
DOCS = "https://docs.together.ai/docs/fine-tuning"
SHARED = (
    ProviderRule("roles", "roles `system`, `user`, `assistant`, `tool`", CLIENT,
         messages.roles("system", "user", "assistant", "tool")),
    ProviderRule("content", "a text or parts as content; images only of the user; none only beside calls", VISION,
         messages.contents(user=("text", "image_url"))),
    ProviderRule("system-first", "no system message after the first message", DATA, messages.system_first),
    ProviderRule("two-turns", "messages of user and assistant in turns", DATA, messages.alternates),
    ProviderRule("weight", "a weight of 0 or 1", DATA, messages.weights),
    *tool_calls.tool_rules(CALLING),
)  # fmt: skip
provider = Provider(
    "Together",
    {
        DATA: f"{DOCS}/data-preparation",
        PREFERENCE: f"{DOCS}/preference-tuning",
        CALLING: f"{DOCS}/function-calling",
        VISION: f"{DOCS}/vision",
        CLIENT: "https://github.com/togethercomputer/together-py",
    },
    (
        RowLayout("chat", ("messages",), "`messages`, a list of objects", DATA, chat, (
            *SHARED,
            ProviderRule("first-message", "a first message of `system` or `user`", DATA,
                 messages.starts_with("system", "user")),
            ProviderRule("assistant", "a message of the assistant", CLIENT, messages.has_assistant),
        )),
        RowLayout("instruction", ("prompt", "completion"), "`prompt` and `completion`, texts", DATA,
               texts("prompt", "completion"), ()),
        RowLayout("preference", ("input", *ANSWERS), PAIR, PREFERENCE, preference, (
            *SHARED,
            ProviderRule("one-answer", "exactly one message of the assistant as each output", PREFERENCE,
                         messages.ONE_ANSWER),
            ProviderRule("open-prompt", "another last message in `input` than one of the assistant", CLIENT,
                 messages.OPEN_INPUT),
        )),
        RowLayout("text", ("text",), "`text`, a text", DATA, texts("text"), ()),
    ),
    (json_lines(DATA), most_bytes(100 * 10**9, "100 GB", DATA)),
    one_layout=DATA,
)  # fmt: skip
