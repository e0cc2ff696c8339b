// The page around the pair: how far the queue is, what went wrong, the actions; and the end of a session.

function pairPage(desk) {
  return [
    top(desk),
    notice(desk),
    conversation(desk),
    reference(desk),
    answers(desk),
    question(desk),
    marks(desk),
    note(desk),
    actions(desk),
    desk.sheetOpen ? sheet(desk) : null,
  ];
}

function top(desk) {
  const { done, total } = desk.data.progress;
  const minutes = desk.data.minutes_left;
  const left = minutes === null ? "" : minutes < 1 ? ", less than a minute left" : `, about ${Math.round(minutes)} min left`;
  return make(
    "header",
    { class: "top" },
    make("h2", { dir: "auto" }, desk.data.title),
    desk.item?.masked ? make("span", { class: "tag", title: "Where an answer said who wrote it" }, "names hidden") : null,
    make("span", { class: "saved", role: "status" }, desk.wire.busy ? "Saving…" : "Saved"),
    make("span", { class: "count" }, `${done} / ${total}${left}`),
    make(
      "div",
      { class: "bar", role: "progressbar", "aria-label": "Pairs judged", "aria-valuenow": done, "aria-valuemin": 0, "aria-valuemax": total },
      make("i", { style: `width: ${total ? (100 * done) / total : 0}%` }),
    ),
  );
}

function notice(desk) {
  const said = desk.notice;
  if (!said) return make("div", { class: "notice empty", role: "status" });
  return make(
    "div",
    { class: `notice ${said.kind}`, role: "alert" },
    make("p", {}, said.words),
    said.typed ? make("p", {}, "What you wrote, to copy if you need it:") : null,
    said.typed ? make("pre", { tabindex: "0" }, said.typed) : null,
  );
}

function actions(desk) {
  return make(
    "nav",
    { class: "actions", "aria-label": "Actions" },
    button("Enter", "Submit, next pair", () => desk.submit(), { class: "action main" }),
    button("S", "Skip", () => desk.skip(), { class: "action" }),
    button("U", "Undo", () => desk.undo(), { class: "action" }),
    button("N", "Note", () => desk.writeNote(), { class: "action" }),
    button("E", "Edit", () => desk.editFocused(false), { class: "action" }),
    button("D", "Diff", () => desk.toggleDiff(), { class: "action", "aria-pressed": String(desk.diff) }),
    button("F", desk.draft.flagged ? "Flagged" : "Flag", () => desk.toggleFlag(), {
      class: "action",
      "aria-pressed": String(desk.draft.flagged),
    }),
    button("?", "Keys", () => desk.toggleSheet(), { class: "action" }),
  );
}

function endPage(desk) {
  const { mine_done: mine } = desk.data.progress;
  const { waiting, skipped } = desk.data;
  const pairs = (count) => (count === 1 ? "1 pair" : `${count} pairs`);
  const held = waiting
    ? `${pairs(waiting)} ${waiting === 1 ? "is" : "are"} with other reviewers now, and may come back.`
    : "Nothing in this queue waits for you.";
  const passed = skipped ? ` and skipped ${skipped}` : "";
  const judged = mine || skipped ? `You judged ${pairs(mine)} of this queue${passed}. ` : "";
  return [
    top(desk),
    notice(desk),
    make(
      "section",
      { class: "end" },
      make("h3", {}, mine ? "Thank you." : "Nothing to judge here."),
      make("p", {}, desk.data.ended ?? `${judged}${held}`),
      make(
        "nav",
        { class: "actions" },
        waiting ? button(null, "Look again", () => desk.look(), { class: "action main" }) : null,
        mine && !desk.data.ended ? button("U", "Undo the last", () => desk.undo(), { class: "action" }) : null,
      ),
    ),
    desk.sheetOpen ? sheet(desk) : null,
  ];
}

function typedBy(draft) {
  const parts = [draft.comment, draft.edited.left, draft.edited.right];
  return parts.filter(Boolean).join("\n\n") || null;
}
