// Undo and redo: pure. What is typed into one field is taken back at once.

const MOST = 200;

export function begin(document) {
  return { past: [], present: document, future: [], key: null };
}

// `key` names what is changed on and on, such as one field; null stands alone.
export function record(history, document, key = null) {
  if (document === history.present) return history;
  const goesOn = key !== null && key === history.key;
  const past = goesOn ? history.past : [...history.past, history.present].slice(-MOST);
  return { past, present: document, future: [], key };
}

export function undo(history) {
  if (!history.past.length) return history;
  const past = history.past.slice(0, -1);
  return { past, present: history.past.at(-1), future: [history.present, ...history.future], key: null };
}

export function redo(history) {
  if (!history.future.length) return history;
  const [present, ...future] = history.future;
  return { past: [...history.past, history.present], present, future, key: null };
}
