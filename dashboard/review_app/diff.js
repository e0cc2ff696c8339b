// Word-level diff of two answers by longest common subsequence (dynamic programming, bounded in size).

const MOST_CELLS = 4_000_000;

function words(text) {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

// Returns [[text, differs], …] for both answers, or null if they are too long to compare interactively.
function wordDiff(left, right) {
  const a = words(left);
  const b = words(right);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const rows = a.length - start - end;
  const columns = b.length - start - end;
  if (rows * columns > MOST_CELLS) return null;
  const same = commonWords(a.slice(start, start + rows), b.slice(start, start + columns));
  const marked = (list, kept) =>
    joined(list.map((word, at) => [word, at >= start && at < list.length - end && !kept.has(at - start)]));
  return { left: marked(a, same.left), right: marked(b, same.right) };
}

function commonWords(a, b) {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i * width + j] =
        a[i] === b[j]
          ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  const left = new Set();
  const right = new Set();
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      left.add(i);
      right.add(j);
      i += 1;
      j += 1;
    } else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return { left, right };
}

function joined(pieces) {
  const out = [];
  for (const [text, differs] of pieces) {
    const last = out[out.length - 1];
    if (last && last[1] === differs) last[0] += text;
    else out.push([text, differs]);
  }
  return out;
}
