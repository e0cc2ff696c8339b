// What the page tells the server: numbered steps, one message under way at a time, kept until they are answered.

const TRY_AGAIN_MS = 3000;
const KEPT = "fairtrial-desk"; // in sessionStorage: this tab only, gone when it is closed

class Wire {
  constructor() {
    this.steps = [];
    this.last = 0;
    this.sent = 0;
    this.tries = 0;
    this.timer = null;
    this.send = null;
  }

  // A draft takes the place of the one before it; every other step is kept as it is.
  add(kind, itemId, draft) {
    const before = this.steps[this.steps.length - 1];
    const waits = before && before.n > this.sent;
    if (kind === "draft" && waits && before.kind === "draft" && before.item_id === itemId) this.steps.pop();
    this.last += 1;
    this.steps.push({ n: this.last, kind, item_id: itemId, draft: draft ? structuredClone(draft) : null });
    if (draft) this.keep(itemId, draft);
    this.flush();
  }

  flush() {
    const newest = this.steps[this.steps.length - 1];
    if (!newest || this.sent >= this.steps[0].n) return;
    this.sent = newest.n;
    this.tries += 1;
    this.send({ steps: this.steps, tries: this.tries });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), TRY_AGAIN_MS);
  }

  again() {
    this.sent = 0;
    this.flush();
  }

  answered(done) {
    this.last = Math.max(this.last, done);
    this.steps = this.steps.filter((step) => step.n > done);
    if (!this.steps.length) {
      clearTimeout(this.timer);
      this.forget();
    } else if (done >= this.sent) {
      this.flush();
    }
  }

  get busy() {
    return this.steps.length > 0;
  }

  stop() {
    clearTimeout(this.timer);
  }

  keep(itemId, draft) {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ itemId, draft }));
    } catch {
      // A browser that keeps nothing still sends everything.
    }
  }

  forget() {
    try {
      sessionStorage.removeItem(KEPT);
    } catch {
      // As above.
    }
  }

  // What was typed in this tab for the pair and had not reached the server before a reload.
  kept(itemId) {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
      return found && found.itemId === itemId ? found.draft : null;
    } catch {
      return null;
    }
  }
}
