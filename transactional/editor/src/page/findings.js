// What the linter says, as a list under the editor and as marks within it.

import { icon, make } from "../dom.js";
import { ask, formOf } from "./asking.js";

const WORDS = { error: "Error", warning: "Warning", hint: "Hint" };
const PARTS = { subject: "Subject", preheader: "Preview text" };
const PAUSE = 600;

export class Findings {
  // `shown(findings)` marks them in the editor, `go(finding)` leads to one.
  constructor({ element, url, fields, shown, go }) {
    Object.assign(this, { element, url, fields, shown, go });
    this.list = element.querySelector("[data-findings-list]");
    this.title = element.querySelector("[data-findings-title]");
    this.found = [];
  }

  schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), PAUSE);
  }

  async refresh() {
    this.request?.abort();
    const mine = (this.request = new AbortController());
    try {
      const { status, body } = await ask(this.url, { data: formOf(this.fields()), signal: mine.signal });
      if (mine === this.request && status === 200) this.show(body.findings);
    } catch {
      // Saving says what is wrong with the connection; marks just stay as they are.
      if (mine === this.request) this.element.dataset.state = "unknown";
    }
  }

  show(findings) {
    const order = Object.keys(WORDS);
    this.found = [...findings].sort((one, other) => order.indexOf(one.level) - order.indexOf(other.level));
    this.element.dataset.state = this.found[0]?.level ?? "good";
    this.title.textContent = summary(this.found);
    this.list.replaceChildren(...this.found.map((finding) => this.row(finding)));
    this.element.hidden = false;
    this.shown(this.found);
  }

  row(finding) {
    const { level, message, part, line, column } = finding;
    const place = PARTS[part] ?? (line ? `Line ${line}${column ? `, ${column}` : ""}` : "Mail");
    const button = make(
      "button",
      { type: "button", class: `finding finding-${level}`, click: () => this.go(finding) },
      icon(level === "hint" ? "hint" : "warning"),
      make("span", { class: "visually-hidden", text: `${WORDS[level] ?? level}: ` }),
      make("span", { class: "finding-text", text: message }),
      make("span", { class: "finding-place", text: place }),
    );
    return make("li", {}, button);
  }
}

function summary(findings) {
  if (!findings.length) return "Nothing to complain about";
  const counts = Object.entries(WORDS).map(([level, word]) => [findings.filter((found) => found.level === level).length, word.toLowerCase()]);
  return counts.filter(([count]) => count).map(([count, word]) => `${count} ${word}${count === 1 ? "" : "s"}`).join(", ");
}
