// What the official client for Node makes of each case, as one line of JSON each: node smoke.mjs URL KEY < cases.json
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const each = async (stream) => {
  const seen = [];
  for await (const one of stream) seen.push(one);
  return seen;
};

const whole = ({ stream, ...asked }) => asked;

const ways = {
  chat: (asked) => client.chat.completions.create(asked),
  chunks: async (asked) => each(await client.chat.completions.create(asked)),
  accumulated: (asked) => client.chat.completions.stream(whole(asked)).finalChatCompletion(),
  left: async (asked) => {
    const stream = await client.chat.completions.create(asked);
    for await (const one of stream) return one;
  },
  embeddings: (asked) => client.embeddings.create(asked),
  completions: (asked) => client.completions.create(asked),
  response: (asked) => client.responses.create(asked),
  events: async (asked) => each(await client.responses.create(asked)),
  final: (asked) => client.responses.stream(whole(asked)).finalResponse(),
};

const failure = (error) => ({
  error: error.constructor.name,
  status: error.status ?? null,
  code: error.code ?? null,
  param: error.param ?? null,
  type: error.type ?? null,
  body: error.error ?? null,
  named: Boolean(error.requestID),
});

for (const { name, way, asked } of JSON.parse(readFileSync(0, "utf8"))) {
  const result = await ways[way](asked).catch(failure);
  console.log(JSON.stringify({ name, result }));
}
