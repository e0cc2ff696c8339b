// The review app: draws one pair at a time from the server's state and the keys pressed since.

const PENDING = new Set(["away", "denied"]); // not refusals: the steps are kept and sent again

class ReviewApp {
  constructor(root) {
    this.root = root;
    this.queue = new StepQueue();
    this.place = make("div", { class: "review-app" });
    root.append(this.place);
    this.turn = null;
    this.queuedKeys = [];
    this.queuedKeysAreText = false;
    this.diff = false;
    this.helpOpen = false;
    this.notice = null;
    this.removeKeyListener = addKeyListener(this);
  }

  get visible() {
    return this.place.isConnected && Boolean(this.data);
  }

  // Takes the server's state: the last applied step, the pair, the progress, and any problem.
  update(data, send) {
    this.data = data;
    this.queue.send = send;
    this.rubric = data.rubric;
    this.queue.confirm(data.done);
    if (!this.queue.busy && data.turn !== this.turn && PENDING.has(this.notice?.kind)) this.notice = null;
    if (data.problem && data.problem.id !== this.problemId) this.showProblem(data.problem);
    if (data.turn !== this.turn) this.load(data);
    else this.refresh();
  }

  showProblem(problem) {
    this.problemId = problem.id;
    if (!PENDING.has(problem.kind)) {
      this.leaving = false;
      this.queuedKeys = [];
    } else if (!this.queue.busy) {
      this.later = setTimeout(() => this.fetchNext(), RETRY_MS); // the vote is stored; only the next pair is missing
    }
    this.notice = { words: problem.words, kind: problem.kind };
    if (problem.kind === "lost" && this.item) this.notice.typed = typedText(this.draft);
  }

  load(data) {
    const lost = this.notice?.kind === "lost" || this.notice?.kind === "info";
    if (!lost) this.notice = null;
    this.turn = data.turn;
    this.item = data.item;
    this.leaving = false;
    this.editing = null;
    this.open = new Set();
    const names = this.rubric.map((line) => line.dimension);
    this.rows = rowsOf(names);
    const saved = this.item ? this.queue.savedDraft(this.item.item_id) : null;
    this.draft = filledDraft(names, saved ?? this.item?.draft);
    this.row = firstOpenRow(this.draft, this.rows);
    const pressed = this.queuedKeys;
    this.queuedKeys = [];
    this.queuedKeysAreText = false;
    this.draw();
    if (saved) this.save();
    if (this.item && pressed.length && replayKeys(this, pressed)) {
      this.notify("This pair was not on the screen yet. Press Enter again once you have read it.");
    }
  }

  // Keys pressed while a vote is being sent are replayed on the next pair.
  queueKey(pressed) {
    this.queuedKeys.push(pressed);
    if (/^[ne]$/i.test(pressed.key)) this.queuedKeysAreText = true;
    if (pressed.key === "Escape") this.queuedKeysAreText = false;
  }

  draw() {
    const place = this.place;
    const scrolled = place.querySelector(".answer .scroll")?.scrollTop ?? 0;
    const parts = this.item ? pairPage(this) : endPage(this);
    place.style.minHeight = `${place.offsetHeight}px`; // keeps the surrounding page from jumping
    this.keepFocus(() => place.replaceChildren(...parts.filter(Boolean)));
    place.style.minHeight = "";
    place.classList.toggle("leaving", Boolean(this.leaving));
    if (this.drawnTurn === this.turn) place.querySelector(".answer .scroll")?.scrollTo({ top: scrolled });
    else place.firstElementChild.scrollIntoView({ block: "nearest" });
    this.drawnTurn = this.turn;
  }

  // Keeps the keyboard focus when the focused element is replaced.
  keepFocus(change) {
    const focused = this.root.activeElement;
    const name = focused && nameOf(focused);
    change();
    if (!name || focused.isConnected) return;
    [...this.place.querySelectorAll("button, textarea")].find((one) => nameOf(one) === name)?.focus();
  }

  // Redraws everything except the texts, which keep their selection and scroll position.
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
    markNoteRequired(this.place.querySelector("textarea.note"), this.draft);
  }

  save() {
    this.queue.add("draft", this.item.item_id, this.draft);
    this.refresh();
  }

  notify(words) {
    this.notice = { words, kind: "info" };
    this.refresh();
  }

  digit(key) {
    if (!this.item) return;
    if (this.row > 0) this.setMark(this.row, key === "0" ? null : Number(key));
    else this.setOutcome(OUTCOMES.find((outcome) => outcome.key === key)?.name);
  }

  setOutcome(outcome) {
    if (!outcome || this.leaving) return;
    this.draft.outcome = outcome;
    this.row = 1;
    this.notice = null;
    this.save();
  }

  setMark(row, value) {
    if (this.leaving) return;
    const { side, dimension } = this.rows[row];
    this.draft.ratings[side][dimension] = value;
    this.row = Math.min(row + 1, this.rows.length - 1);
    this.notice = null;
    this.save();
  }

  moveRow(by) {
    if (!this.item) return;
    this.row = Math.max(0, Math.min(this.rows.length - 1, this.row + by));
    this.refresh();
  }

  goToSide(side) {
    const row = this.item && this.rows[this.row];
    if (row && row.side !== side) this.moveRow(side === "left" ? -1 : 1);
  }

  submit() {
    if (!this.item || this.leaving) return;
    if (!this.draft.outcome) {
      this.row = 0;
      this.notify("First choose which answer is better: press 1, 2, 3, 4 or 0.");
    } else if (needsNote(this.draft)) {
      this.notify("A rating of 2 or less needs a note that explains it.");
      this.writeNote();
    } else this.finishPair("submit");
  }

  skip() {
    if (this.item && !this.leaving) this.finishPair("skip");
  }

  finishPair(kind) {
    this.leaving = true;
    this.notice = null;
    this.root.activeElement?.blur();
    this.queue.add(kind, this.item.item_id, kind === "submit" ? this.draft : null);
    this.refresh();
  }

  undo() {
    this.queuedKeys = [];
    this.queuedKeysAreText = false;
    this.leaving = true;
    this.notice = null;
    this.queue.add("undo", null, null);
    this.refresh();
  }

  fetchNext() {
    this.queue.add("next", null, null);
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

  editFocused(otherSide) {
    if (!this.item) return;
    const here = this.rows[this.row]?.side ?? (this.draft.outcome === "right" ? "right" : "left");
    this.toggleEdit(otherSide ? SIDES.find((side) => side !== here) : here);
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

  toggleHelp() {
    this.helpOpen = !this.helpOpen;
    this.draw();
  }

  escape() {
    if (this.helpOpen) this.toggleHelp();
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
    this.removeKeyListener();
    clearTimeout(this.later);
    this.queue.stop();
  }
}

function nameOf(element) {
  return element.getAttribute("aria-label") ?? element.textContent;
}

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  if (!parentElement.fairtrialReviewApp) parentElement.fairtrialReviewApp = new ReviewApp(parentElement);
  const app = parentElement.fairtrialReviewApp;
  app.update(data, (message) => setStateValue("sent", message));
  return () => {
    app.stop();
    app.place.remove();
    delete parentElement.fairtrialReviewApp;
  };
}
