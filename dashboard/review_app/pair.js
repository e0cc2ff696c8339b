// Draws the conversation, the reference answer, and the two answers side by side in the same way.

const ROLES = { system: "System prompt", user: "User", assistant: "Assistant", tool: "Tool", developer: "System prompt" };
const FOLDED = new Set(["system", "developer"]);

function conversation(app) {
  const turns = app.item.prompt.map((message) => {
    const role = ROLES[message.role] ?? message.role;
    const text = make("div", { class: "text", dir: "auto" }, message.content ?? "");
    return FOLDED.has(message.role)
      ? foldable(app, "p", "turn folded", role, text)
      : make("div", { class: `turn ${message.role === "user" ? "user" : "other"}` }, make("b", {}, role), text);
  });
  return make("section", { class: "conversation", "aria-label": "Conversation", tabindex: "0" }, turns);
}

function reference(app) {
  const text = app.item.reference;
  if (text === null || text === undefined) return null;
  return foldable(app, "v", "reference", "Reference answer", make("div", { class: "text", dir: "auto" }, text));
}

// A folded section that stays open when the page is redrawn.
function foldable(app, name, className, title, text) {
  const summary = make("summary", {}, badge(name.toUpperCase()), title);
  const details = make("details", { class: className, "data-fold": name, open: app.open.has(name) }, summary, text);
  details.addEventListener("toggle", () => app.folded(name, details.open));
  return details;
}

function answers(app) {
  const differing = app.diff ? wordDiff(app.item.answers.left, app.item.answers.right) : null;
  const panes = SIDES.map((side) => answer(app, side, differing));
  const texts = panes.map((pane) => pane.querySelector(".scroll"));
  texts.forEach((text, at) => text.addEventListener("scroll", () => syncScroll(text, texts[1 - at])));
  const tooLong = app.diff && !differing ? make("p", { class: "hint" }, "These answers are too long for a word-by-word comparison.") : null;
  return make("div", { class: "pair" }, panes, tooLong);
}

function answer(app, side, differing) {
  const edited = app.draft.edited[side];
  const head = make(
    "header",
    {},
    make("h3", {}, SIDE_WORDS[side]),
    edited !== null ? make("span", { class: "tag" }, "edited by you") : null,
    button(null, app.editing === side ? "Done" : "Edit", () => app.toggleEdit(side), {
      class: "quiet",
      "aria-label": `Edit ${SIDE_WORDS[side]}`,
    }),
  );
  return make(
    "article",
    { class: `answer ${app.draft.outcome === side ? "chosen" : ""}`, "data-side": side, "aria-label": SIDE_WORDS[side] },
    head,
    app.editing === side ? editor(app, side) : shown(app.item.answers[side], differing?.[side], side),
  );
}

function shown(text, pieces, side) {
  const parts = pieces
    ? pieces.map(([piece, differs]) => (differs ? make(side === "left" ? "del" : "ins", {}, piece) : piece))
    : [text === "" ? make("i", { class: "nothing" }, "empty answer") : text];
  return make("div", { class: "scroll", tabindex: "0" }, make("div", { class: "text", dir: "auto" }, parts));
}

function editor(app, side) {
  const box = make("textarea", {
    class: "scroll edit",
    "aria-label": `${SIDE_WORDS[side]} as you would write it`,
    oninput: () => app.setEdit(side, box.value),
  });
  box.value = app.draft.edited[side] ?? app.item.answers[side];
  return box;
}

// Scrolls both panes together, in proportion to their length. The scroll event that this causes is ignored.
function syncScroll(from, to) {
  if (from.dataset.synced) {
    delete from.dataset.synced;
    return;
  }
  const length = from.scrollHeight - from.clientHeight;
  const top = Math.round((length ? from.scrollTop / length : 0) * (to.scrollHeight - to.clientHeight));
  if (Math.abs(to.scrollTop - top) > 1) {
    to.dataset.synced = "1";
    to.scrollTop = top;
  }
}
