// Two buttons with which the reader of one answer votes on it:
//   <script src="https://gateway.example/v1/feedback/vote.js" defer></script>
//   <fairtrial-vote token="…" key="thumbs"></fairtrial-vote>
// The page's server hands the token over, from the answer's header x-fairtrial-vote. Style the buttons and the
// output as any other element. Their words: attributes `up`, `down`, `thanks`, `failed`.
"use strict";
{
  const gateway = new URL(document.currentScript.src).origin;

  class Vote extends HTMLElement {
    connectedCallback() {
      if (this.childElementCount) return;
      this.said = document.createElement("output");
      this.buttons = [[true, "👍", this.getAttribute("up") || "Good answer"],
                      [false, "👎", this.getAttribute("down") || "Bad answer"]].map(([value, sign, name]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = sign;
        button.title = name;
        button.setAttribute("aria-label", name);
        button.setAttribute("aria-pressed", "false");
        button.addEventListener("click", () => this.vote(button, value));
        this.append(button);
        return button;
      });
      this.append(this.said);
    }

    async vote(chosen, value) {
      const body = {token: this.getAttribute("token"), key: this.getAttribute("key") || "thumbs", value,
                    vote_id: crypto.getRandomValues(new Uint32Array(4)).join("-")};
      this.buttons.forEach(button => { button.disabled = true; });
      let problem = this.getAttribute("failed") || "The vote could not be sent.";
      try {
        const answer = await fetch(`${gateway}/v1/feedback/vote`, {
          method: "POST", credentials: "omit", headers: {"content-type": "application/json"},
          body: JSON.stringify(body)});
        if (answer.ok) problem = "";
        else problem = (await answer.json()).error.message || problem;
      } catch { /* no answer: the words above say so */ }
      this.buttons.forEach(button => {
        button.disabled = false;
        if (!problem) button.setAttribute("aria-pressed", String(button === chosen));
      });
      this.said.textContent = problem || this.getAttribute("thanks") || "Thank you.";
      this.dispatchEvent(new CustomEvent("vote", {bubbles: true, detail: {value, problem}}));
    }
  }
  customElements.define("fairtrial-vote", Vote);
}
