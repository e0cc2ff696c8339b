// A small model for promptfoo: it is wrong in every n-th case, and the new one fails once.
class Model {
  constructor(options) { this.every = options.config.every; }
  id() { return this.every === 5 ? 'old' : 'new'; }
  async callApi(prompt, context) {
    const at = Number(context.vars.number);
    if (at === 7 && this.every === 4) return { error: 'HTTP 503' };
    return { output: at % this.every === 0 ? 'no idea' : `${at + 1}` };
  }
}
module.exports = Model;
