// The page around the pair: progress, notices, actions, and the end of a session.

function pairPage(app) {
  return [
    top(app),
    notice(app),
    conversation(app),
    reference(app),
    answers(app),
    question(app),
    marks(app),
    note(app),
    actions(app),
    app.helpOpen ? shortcutHelp(app) : null,
  ];
}

function top(app) {
  const { done, total } = app.data.progress;
  const minutes = app.data.minutes_left;
  const left = minutes === null ? "" : minutes < 1 ? ", less than 1 min left" : `, about ${Math.round(minutes)} min left`;
  return make(
    "header",
    { class: "top" },
    make("h2", { dir: "auto" }, app.data.title),
    app.item?.masked ? make("span", { class: "tag", title: "An answer named its model; the name is hidden" }, "names hidden") : null,
    make("span", { class: "saved", role: "status" }, app.queue.busy ? "Saving…" : "Saved"),
    make("span", { class: "count" }, `${done} / ${total}${left}`),
    make(
      "div",
      { class: "bar", role: "progressbar", "aria-label": "Pairs judged", "aria-valuenow": done, "aria-valuemin": 0, "aria-valuemax": total },
      make("i", { style: `width: ${total ? (100 * done) / total : 0}%` }),
    ),
  );
}

function notice(app) {
  const current = app.notice;
  if (!current) return make("div", { class: "notice empty", role: "status" });
  return make(
    "div",
    { class: `notice ${current.kind}`, role: "alert" },
    make("p", {}, current.words),
    current.typed ? make("p", {}, "Your text, in case you want to copy it:") : null,
    current.typed ? make("pre", { tabindex: "0" }, current.typed) : null,
  );
}

function actions(app) {
  return make(
    "nav",
    { class: "actions", "aria-label": "Actions" },
    button("Enter", "Submit, next pair", () => app.submit(), { class: "action main" }),
    button("S", "Skip", () => app.skip(), { class: "action" }),
    button("U", "Undo", () => app.undo(), { class: "action" }),
    button("N", "Note", () => app.writeNote(), { class: "action" }),
    button("E", "Edit", () => app.editFocused(false), { class: "action" }),
    button("D", "Diff", () => app.toggleDiff(), { class: "action", "aria-pressed": String(app.diff) }),
    button("F", app.draft.flagged ? "Flagged" : "Flag", () => app.toggleFlag(), {
      class: "action",
      "aria-pressed": String(app.draft.flagged),
    }),
    button("?", "Shortcuts", () => app.toggleHelp(), { class: "action" }),
  );
}

function endPage(app) {
  const { mine_done: mine } = app.data.progress;
  const { waiting, skipped } = app.data;
  const pairs = (count) => (count === 1 ? "1 pair" : `${count} pairs`);
  const held = waiting
    ? `${pairs(waiting)} ${waiting === 1 ? "is" : "are"} with other reviewers now and may become available again.`
    : "There is nothing left for you in this queue.";
  const passed = skipped ? ` and skipped ${skipped}` : "";
  const judged = mine || skipped ? `You judged ${pairs(mine)} of this queue${passed}. ` : "";
  return [
    top(app),
    notice(app),
    make(
      "section",
      { class: "end" },
      make("h3", {}, mine ? "Thank you." : "Nothing to judge."),
      make("p", {}, app.data.ended ?? `${judged}${held}`),
      make(
        "nav",
        { class: "actions" },
        waiting ? button(null, "Check again", () => app.fetchNext(), { class: "action main" }) : null,
        mine && !app.data.ended ? button("U", "Undo the last vote", () => app.undo(), { class: "action" }) : null,
      ),
    ),
    app.helpOpen ? shortcutHelp(app) : null,
  ];
}

function typedText(draft) {
  const parts = [draft.comment, draft.edited.left, draft.edited.right];
  return parts.filter(Boolean).join("\n\n") || null;
}
