// Sends numbered steps to the server, one message at a time, and keeps them until they are confirmed.

const RETRY_MS = 3000;
const STORAGE_KEY = "fairtrial-desk"; // in sessionStorage, so it lasts as long as this tab; its name is that of earlier versions

class StepQueue {
  constructor() {
    this.steps = [];
    this.last = 0;
    this.sent = 0;
    this.tries = 0;
    this.timer = null;
    this.send = null;
  }

  // A draft replaces an unsent draft of the same pair; every other step is kept.
  add(kind, itemId, draft) {
    const before = this.steps[this.steps.length - 1];
    const waits = before && before.n > this.sent;
    if (kind === "draft" && waits && before.kind === "draft" && before.item_id === itemId) this.steps.pop();
    this.last += 1;
    this.steps.push({ n: this.last, kind, item_id: itemId, draft: draft ? structuredClone(draft) : null });
    if (draft) this.saveDraft(itemId, draft);
    this.flush();
  }

  flush() {
    const newest = this.steps[this.steps.length - 1];
    if (!newest || this.sent >= this.steps[0].n) return;
    this.sent = newest.n;
    this.tries += 1;
    this.send({ steps: this.steps, tries: this.tries });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.resend(), RETRY_MS);
  }

  resend() {
    this.sent = 0;
    this.flush();
  }

  confirm(done) {
    this.last = Math.max(this.last, done);
    this.steps = this.steps.filter((step) => step.n > done);
    if (!this.steps.length) {
      clearTimeout(this.timer);
      this.clearDraft();
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

  saveDraft(itemId, draft) {
    try {
      sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ itemId, draft }));
    } catch {
      // Without session storage, steps are still sent.
    }
  }

  clearDraft() {
    try {
      sessionStorage.removeItem(STORAGE_KEY);
    } catch {
      // Without session storage there is nothing to remove.
    }
  }

  // The draft of this pair that had not reached the server before a reload of this tab.
  savedDraft(itemId) {
    try {
      const saved = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
      return saved && saved.itemId === itemId ? saved.draft : null;
    } catch {
      return null;
    }
  }
}
