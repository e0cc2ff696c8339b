// The desk: one pair at a time, drawn from what the server said and from the keys since then.

const WAITS = new Set(["away", "denied"]); // nothing was refused: the steps wait, and are tried again

class Desk {
  constructor(root) {
    this.root = root;
    this.wire = new Wire();
    this.place = make("div", { class: "desk" });
    root.append(this.place);
    this.turn = null;
    this.ahead = [];
    this.aheadIsText = false;
    this.diff = false;
    this.sheetOpen = false;
    this.notice = null;
    this.unlisten = listen(this);
  }

  get visible() {
    return this.place.isConnected && Boolean(this.data);
  }

  // What the server says: which steps it has done, the pair, how far the queue is, and what went wrong.
  update(data, send) {
    this.data = data;
    this.wire.send = send;
    this.rubric = data.rubric;
    this.wire.answered(data.done);
    if (!this.wire.busy && data.turn !== this.turn && WAITS.has(this.notice?.kind)) this.notice = null;
    if (data.problem && data.problem.id !== this.problemId) this.meet(data.problem);
    if (data.turn !== this.turn) this.load(data);
    else this.refresh();
  }

  meet(problem) {
    this.problemId = problem.id;
    if (!WAITS.has(problem.kind)) {
      this.leaving = false;
      this.ahead = [];
    } else if (!this.wire.busy) {
      this.later = setTimeout(() => this.look(), TRY_AGAIN_MS); // the vote is in, only the next pair could not be had
    }
    this.notice = { words: problem.words, kind: problem.kind };
    if (problem.kind === "lost" && this.item) this.notice.typed = typedBy(this.draft);
  }

  load(data) {
    const lost = this.notice?.kind === "lost" || this.notice?.kind === "told";
    if (!lost) this.notice = null;
    this.turn = data.turn;
    this.item = data.item;
    this.leaving = false;
    this.editing = null;
    this.open = new Set();
    const names = this.rubric.map((line) => line.dimension);
    this.rows = rowsOf(names);
    const kept = this.item ? this.wire.kept(this.item.item_id) : null;
    this.draft = filledDraft(names, kept ?? this.item?.draft);
    this.row = rowToGoOn(this.draft, this.rows);
    const pressed = this.ahead;
    this.ahead = [];
    this.aheadIsText = false;
    this.draw();
    if (kept) this.save();
    if (this.item && pressed.length && replay(this, pressed)) {
      this.say("Press Enter again when you have read this pair: it was not on the screen yet.");
    }
  }

  pressAhead(pressed) {
    this.ahead.push(pressed);
    if (/^[ne]$/i.test(pressed.key)) this.aheadIsText = true;
    if (pressed.key === "Escape") this.aheadIsText = false;
  }

  draw() {
    const place = this.place;
    const scrolled = place.querySelector(".answer .scroll")?.scrollTop ?? 0;
    const parts = this.item ? pairPage(this) : endPage(this);
    place.style.minHeight = `${place.offsetHeight}px`; // so that the page around it does not jump
    this.keepFocus(() => place.replaceChildren(...parts.filter(Boolean)));
    place.style.minHeight = "";
    place.classList.toggle("leaving", Boolean(this.leaving));
    if (this.drawnTurn === this.turn) place.querySelector(".answer .scroll")?.scrollTo({ top: scrolled });
    else place.firstElementChild.scrollIntoView({ block: "nearest" });
    this.drawnTurn = this.turn;
  }

  // Who walks by Tab stays where they are when the element under them is made anew.
  keepFocus(change) {
    const focused = this.root.activeElement;
    const name = focused && nameOf(focused);
    change();
    if (!name || focused.isConnected) return;
    [...this.place.querySelectorAll("button, textarea")].find((one) => nameOf(one) === name)?.focus();
  }

  // Everything but the texts, which keep their selection and their place.
  refresh() {
    if (!this.item) {
      this.draw();
      return;
    }
    for (const [selector, part] of [
      ["header.top", top(this)],
      [".question", question(this)],
      [".marks", marks(this)],
      [".actions", actions(this)],
      [".notice", notice(this)],
    ]) {
      this.keepFocus(() => this.place.querySelector(selector).replaceWith(part));
    }
    this.place.classList.toggle("leaving", Boolean(this.leaving));
    for (const pane of this.place.querySelectorAll(".answer")) {
      pane.classList.toggle("chosen", pane.dataset.side === this.draft.outcome);
    }
    askForNote(this.place.querySelector("textarea.note"), this.draft);
  }

  save() {
    this.wire.add("draft", this.item.item_id, this.draft);
    this.refresh();
  }

  say(words) {
    this.notice = { words, kind: "told" };
    this.refresh();
  }

  digit(key) {
    if (!this.item) return;
    if (this.row > 0) this.mark(this.row, key === "0" ? null : Number(key));
    else this.choose(OUTCOMES.find((outcome) => outcome.key === key)?.name);
  }

  choose(outcome) {
    if (!outcome || this.leaving) return;
    this.draft.outcome = outcome;
    this.row = 1;
    this.notice = null;
    this.save();
  }

  mark(row, value) {
    if (this.leaving) return;
    const { side, dimension } = this.rows[row];
    this.draft.ratings[side][dimension] = value;
    this.row = Math.min(row + 1, this.rows.length - 1);
    this.notice = null;
    this.save();
  }

  go(by) {
    if (!this.item) return;
    this.row = Math.max(0, Math.min(this.rows.length - 1, this.row + by));
    this.refresh();
  }

  across(side) {
    const row = this.item && this.rows[this.row];
    if (row && row.side !== side) this.go(side === "left" ? -1 : 1);
  }

  submit() {
    if (!this.item || this.leaving) return;
    if (!this.draft.outcome) {
      this.row = 0;
      this.say("Say first which answer is better: 1, 2, 3, 4 or 0.");
    } else if (needsNote(this.draft)) {
      this.say("A mark of 2 or less needs a note that says why.");
      this.writeNote();
    } else this.leave("submit");
  }

  skip() {
    if (this.item && !this.leaving) this.leave("skip");
  }

  leave(kind) {
    this.leaving = true;
    this.notice = null;
    this.root.activeElement?.blur();
    this.wire.add(kind, this.item.item_id, kind === "submit" ? this.draft : null);
    this.refresh();
  }

  undo() {
    this.ahead = [];
    this.aheadIsText = false;
    this.leaving = true;
    this.notice = null;
    this.wire.add("undo", null, null);
    this.refresh();
  }

  look() {
    this.wire.add("next", null, null);
  }

  writeNote() {
    const box = this.place.querySelector("textarea.note");
    box?.focus();
    box?.scrollIntoView({ block: "nearest" });
  }

  setComment(text) {
    this.draft.comment = text;
    this.save();
  }

  editFocused(theOther) {
    if (!this.item) return;
    const here = this.rows[this.row]?.side ?? (this.draft.outcome === "right" ? "right" : "left");
    this.toggleEdit(theOther ? SIDES.find((side) => side !== here) : here);
  }

  toggleEdit(side) {
    this.editing = this.editing === side ? null : side;
    this.draw();
    this.place.querySelector("textarea.edit")?.focus();
  }

  setEdit(side, text) {
    this.draft.edited[side] = text === this.item.answers[side] ? null : text;
    this.save();
  }

  toggleFlag() {
    if (!this.item) return;
    this.draft.flagged = !this.draft.flagged;
    this.save();
  }

  toggleDiff() {
    if (!this.item) return;
    this.diff = !this.diff;
    this.draw();
  }

  toggleSheet() {
    this.sheetOpen = !this.sheetOpen;
    this.draw();
  }

  escape() {
    if (this.sheetOpen) this.toggleSheet();
    else if (this.editing) this.toggleEdit(this.editing);
    else if (this.notice) {
      this.notice = null;
      this.refresh();
    }
  }

  fold(name) {
    for (const found of this.place.querySelectorAll(`[data-fold="${name}"]`)) found.open = !found.open;
  }

  folded(name, open) {
    if (open) this.open.add(name);
    else this.open.delete(name);
  }

  scroll(direction) {
    const pane = this.place.querySelector(".answer .scroll");
    pane?.scrollBy({ top: direction * pane.clientHeight * 0.8 });
  }

  stop() {
    this.unlisten();
    clearTimeout(this.later);
    this.wire.stop();
  }
}

function nameOf(element) {
  return element.getAttribute("aria-label") ?? element.textContent;
}

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  if (!parentElement.fairtrialDesk) parentElement.fairtrialDesk = new Desk(parentElement);
  const desk = parentElement.fairtrialDesk;
  desk.update(data, (said) => setStateValue("said", said));
  return () => {
    desk.stop();
    desk.place.remove();
    delete parentElement.fairtrialDesk;
  };
}
