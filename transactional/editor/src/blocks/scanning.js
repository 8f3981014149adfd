// Cuts a piece of HTML into the parts that stand beside each other in it, each with its
// exact source. A browser's parser would do more than that: it moves text out of tables
// and closes what is open, and then nobody knows any more what was written.

const VOID = new Set("area base br col embed hr img input link meta param source track wbr".split(" "));
const RAW_TEXT = new Set(["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"]);
const TOKEN = /<!--[\s\S]*?(?:-->|$)|<[!?][^>]*(?:>|$)|<(\/?)([a-zA-Z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^'">])*)>/g;
const LIQUID = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;

// Variables and tags stand in the source as single characters' pairs while it is cut and
// parsed, so that quotes and brackets in them mean nothing.
export function protect(source) {
  const [open, close] = freePair(source);
  const kept = [];
  const text = source.replace(LIQUID, (found) => `${open}${kept.push(found) - 1}${close}`);
  const mark = new RegExp(`${open}(\\d+)${close}`, "g");
  return {
    text,
    mark,
    restore: (part) => part.replace(mark, (_, number) => kept[Number(number)]),
    at: (number) => kept[Number(number)],
  };
}

function freePair(source) {
  for (let code = 0xe000; code < 0xf8ff; code += 2) {
    const pair = [String.fromCharCode(code), String.fromCharCode(code + 1)];
    if (!source.includes(pair[0]) && !source.includes(pair[1])) return pair;
  }
  throw new Error("Every private character is in use.");
}

// Returns [{type: "text"|"element"|"other", name, source, inner}], in order. `inner` is
// what stands between an element's tags; an element that never ends is "other".
export function scan(text) {
  const parts = [];
  let at = 0;
  const take = (type, from, to, more = {}) => {
    if (to > from) parts.push({ type, source: text.slice(from, to), ...more });
    at = to;
  };
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    if (!token) {
      take("text", at, text.length);
      break;
    }
    take("text", at, token.index);
    const [whole, slash, tag] = token;
    const end = token.index + whole.length;
    const name = tag?.toLowerCase();
    if (!tag || slash) take("other", token.index, end);
    else if (VOID.has(name)) take("element", token.index, end, { name, inner: "" });
    else {
      const closing = closingOf(text, name, end);
      if (!closing) take("other", token.index, text.length);
      else take("element", token.index, closing.end, { name, tag: whole, inner: text.slice(end, closing.start) });
    }
  }
  return parts;
}

// Finds where an element ends whose tag ended at `from`.
function closingOf(text, name, from) {
  if (RAW_TEXT.has(name)) {
    const found = new RegExp(`</${name}[^>]*>`, "i").exec(text.slice(from));
    return found && { start: from + found.index, end: from + found.index + found[0].length };
  }
  const token = new RegExp(TOKEN.source, "g");
  token.lastIndex = from;
  let depth = 1;
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [whole, slash, tag] = found;
    const inside = tag?.toLowerCase();
    if (inside !== name) {
      if (inside && !slash && RAW_TEXT.has(inside)) {
        const skipped = closingOf(text, inside, token.lastIndex);
        if (skipped) token.lastIndex = skipped.end;
      }
      continue;
    }
    depth += slash ? -1 : whole.endsWith("/>") && name !== "p" && name !== "div" ? 0 : 1;
    if (!depth) return { start: found.index, end: token.lastIndex };
  }
  return null;
}

// Says whether a piece of HTML ends what it begins, so that it can stand in a block.
export function isWhole(html) {
  return scan(protect(html).text).every((part) => part.type !== "other" || /^<[!?]/.test(part.source));
}
