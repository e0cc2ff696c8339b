// Scores the cases that standard input has as JSON with promptfoo's own assertions; prints the results as JSON.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.argv[2]}/package.json`);
const { assertions } = await import(pathToFileURL(require.resolve('promptfoo')));
const { answers, tests } = JSON.parse(readFileSync(0, 'utf8'));
const results = [];
for (const test of tests) {
  const scores = [];
  for (const output of answers) {
    const request = { test: { vars: {}, ...test }, providerResponse: { output }, prompt: '' };
    try {
      const { pass, score } = await assertions.runAssertions(request);
      scores.push([pass, score]);
    } catch (error) {
      scores.push(String(error.message).split('\n', 1)[0]);
    }
  }
  results.push(scores);
}
process.stdout.write(JSON.stringify(results));
process.exit(0);
