// The pair: the conversation, the reference answer, and the two answers side by side, rendered alike.

const ROLES = { system: "System prompt", user: "User", assistant: "Assistant", tool: "Tool", developer: "System prompt" };
const FOLDED = new Set(["system", "developer"]);

function conversation(desk) {
  const turns = desk.item.prompt.map((message) => {
    const role = ROLES[message.role] ?? message.role;
    const text = make("div", { class: "text", dir: "auto" }, message.content ?? "");
    return FOLDED.has(message.role)
      ? folding(desk, "p", "turn folded", role, text)
      : make("div", { class: `turn ${message.role === "user" ? "user" : "other"}` }, make("b", {}, role), text);
  });
  return make("section", { class: "conversation", "aria-label": "Conversation", tabindex: "0" }, turns);
}

function reference(desk) {
  const text = desk.item.reference;
  if (text === null || text === undefined) return null;
  return folding(desk, "v", "reference", "Reference answer", make("div", { class: "text", dir: "auto" }, text));
}

// Opened on demand, and open still when the page is drawn anew.
function folding(desk, name, look, title, text) {
  const summary = make("summary", {}, badge(name.toUpperCase()), title);
  const details = make("details", { class: look, "data-fold": name, open: desk.open.has(name) }, summary, text);
  details.addEventListener("toggle", () => desk.folded(name, details.open));
  return details;
}

function answers(desk) {
  const differing = desk.diff ? wordDiff(desk.item.answers.left, desk.item.answers.right) : null;
  const panes = SIDES.map((side) => answer(desk, side, differing));
  const texts = panes.map((pane) => pane.querySelector(".scroll"));
  texts.forEach((text, at) => text.addEventListener("scroll", () => follow(text, texts[1 - at])));
  const late = desk.diff && !differing ? make("p", { class: "hint" }, "These answers are too long to be compared word by word.") : null;
  return make("div", { class: "pair" }, panes, late);
}

function answer(desk, side, differing) {
  const edited = desk.draft.edited[side];
  const head = make(
    "header",
    {},
    make("h3", {}, SIDE_WORDS[side]),
    edited !== null ? make("span", { class: "tag" }, "edited by you") : null,
    button(null, desk.editing === side ? "Done" : "Edit", () => desk.toggleEdit(side), {
      class: "quiet",
      "aria-label": `Edit ${SIDE_WORDS[side]}`,
    }),
  );
  return make(
    "article",
    { class: `answer ${desk.draft.outcome === side ? "chosen" : ""}`, "data-side": side, "aria-label": SIDE_WORDS[side] },
    head,
    desk.editing === side ? editor(desk, side) : shown(desk.item.answers[side], differing?.[side], side),
  );
}

function shown(text, pieces, side) {
  const parts = pieces
    ? pieces.map(([piece, differs]) => (differs ? make(side === "left" ? "del" : "ins", {}, piece) : piece))
    : [text === "" ? make("i", { class: "nothing" }, "an empty answer") : text];
  return make("div", { class: "scroll", tabindex: "0" }, make("div", { class: "text", dir: "auto" }, parts));
}

function editor(desk, side) {
  const box = make("textarea", {
    class: "scroll edit",
    "aria-label": `${SIDE_WORDS[side]} as you would have written it`,
    oninput: () => desk.setEdit(side, box.value),
  });
  box.value = desk.draft.edited[side] ?? desk.item.answers[side];
  return box;
}

// Both panes go together, by share of their length; the echo of one's own scrolling is ignored.
function follow(from, to) {
  if (from.dataset.led) {
    delete from.dataset.led;
    return;
  }
  const length = from.scrollHeight - from.clientHeight;
  const top = Math.round((length ? from.scrollTop / length : 0) * (to.scrollHeight - to.clientHeight));
  if (Math.abs(to.scrollTop - top) > 1) {
    to.dataset.led = "1";
    to.scrollTop = top;
  }
}
