// What a variable looks like in a text, and back.

const SIMPLE = /^\{\{-?\s*([^\s|?{}"']+)\s*(?:\?\?\s*([\s\S]*?))?\s*-?\}\}$/;

// Returns {path, fallback}, or null for what is more than a name with a fallback.
export function partsOf(source) {
  const found = SIMPLE.exec(source);
  if (!found || (found[2] ?? "").includes("|")) return null;
  return { path: found[1], fallback: found[2] ?? "" };
}

export function variable(path, fallback = "") {
  return fallback ? `{{ ${path} ?? ${fallback} }}` : `{{ ${path} }}`;
}
