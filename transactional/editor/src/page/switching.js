// From the project's design to HTML of one's own, and back.

import { make } from "../dom.js";
import { read } from "../blocks/reading.js";
import { ask, choose, formOf } from "./asking.js";

// Returns the body as HTML of its own, or null if it was thought better of.
export async function toHtml({ url, fields, body }) {
  const answer = body.trim()
    ? await choose({
        title: "Write the HTML yourself?",
        content: [
          make("p", { text: "The mail as it looks now can become your HTML: the whole document with the project’s design, or the text alone, around which you build your own." }),
          make("p", { class: "muted", text: "Blocks can no longer be edited as blocks then. You can undo this." }),
        ],
        actions: [
          { value: "whole", label: "With the design", tone: "button-primary" },
          { value: "bare", label: "The text alone" },
          { value: "", label: "Cancel", tone: "button-quiet" },
        ],
      })
    : "bare";
  if (!answer) return null;
  if (answer === "bare") return body;
  const { status, body: found } = await ask(url, { data: formOf(fields) });
  if (status !== 200) throw new Error(found.message ?? "The design cannot be put around it just now.");
  return found.html;
}

// Returns the part of a document that blocks can be made of, or null.
export async function toBlocks(body) {
  const { inner, lost } = contentOf(body);
  const parts = read(inner);
  const strange = parts.filter(({ node }) => node.type === "raw").length;
  if (!body.trim()) return "";
  const points = [];
  if (lost.length) points.push(`${lost.join(", ")}: the project’s design takes their place.`);
  if (strange) points.push(`${strange} of ${parts.length} parts cannot be edited as text; they stay as they are, as HTML blocks.`);
  const answer = await choose({
    title: "Use the project’s design?",
    content: [
      make("p", { text: "Your HTML becomes the content of the project’s design." }),
      points.length ? make("ul", { class: "points" }, ...points.map((text) => make("li", { text }))) : make("p", { text: "All of it can be edited as blocks." }),
      make("p", { class: "muted", text: "You can undo this." }),
    ],
    actions: [
      { value: "yes", label: "Use the design", tone: "button-primary" },
      { value: "", label: "Cancel", tone: "button-quiet" },
    ],
  });
  return answer ? inner : null;
}

function contentOf(html) {
  const body = /<body\b([^>]*)>([\s\S]*?)(?:<\/body\s*>|<\/html\s*>|$)/i.exec(html);
  const rest = body ? html.slice(0, body.index) : (/<head\b[\s\S]*?<\/head\s*>/i.exec(html)?.[0] ?? "");
  const lost = [];
  if (/<style/i.test(rest)) lost.push("The style sheet in the head");
  else if (/<head\b/i.test(rest)) lost.push("The head of the document");
  if (body?.[1].trim()) lost.push("The attributes of <body>");
  const inner = body ? body[2] : html.replace(/<!doctype[^>]*>|<\/?html[^>]*>|<head\b[\s\S]*?<\/head\s*>/gi, "");
  return { inner: inner.trim(), lost };
}
