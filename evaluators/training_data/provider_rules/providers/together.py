"""Together's rules for conversations, instructions, preferences and texts."""

from evaluators.training_data.provider_rules import messages, tool_calls
from evaluators.training_data.provider_rules.rule import (
    ANSWERS,
    PAIR,
    Layout,
    Provider,
    Rule,
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
    Rule("roles", "roles `system`, `user`, `assistant`, `tool`", CLIENT,
         messages.roles("system", "user", "assistant", "tool")),
    Rule("content", "a text or parts as content; images only of the user; none only beside calls", VISION,
         messages.contents(user=("text", "image_url"))),
    Rule("system-first", "no system message after the first message", DATA, messages.system_first),
    Rule("two-turns", "messages of user and assistant in turns", DATA, messages.alternates),
    Rule("weight", "a weight of 0 or 1", DATA, messages.weights),
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
        Layout("chat", ("messages",), "`messages`, a list of objects", DATA, chat, (
            *SHARED,
            Rule("first-message", "a first message of `system` or `user`", DATA,
                 messages.starts_with("system", "user")),
            Rule("assistant", "a message of the assistant", CLIENT, messages.has_assistant),
        )),
        Layout("instruction", ("prompt", "completion"), "`prompt` and `completion`, texts", DATA,
               texts("prompt", "completion"), ()),
        Layout("preference", ("input", *ANSWERS), PAIR, PREFERENCE, preference, (
            *SHARED,
            Rule("one-answer", "exactly one message of the assistant as each output", PREFERENCE, messages.ONE_ANSWER),
            Rule("open-prompt", "another last message in `input` than one of the assistant", CLIENT,
                 messages.OPEN_INPUT),
        )),
        Layout("text", ("text",), "`text`, a text", DATA, texts("text"), ()),
    ),
    (json_lines(DATA), most_bytes(100 * 10**9, "100 GB", DATA)),
    one_layout=DATA,
)  # fmt: skip
