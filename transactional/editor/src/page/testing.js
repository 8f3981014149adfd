// Sends what stands in the editor to members of the project.

import { make } from "../dom.js";
import { ask, formOf, Trouble } from "./asking.js";

export class TestDialog {
  constructor({ dialog, url, fields, inboxUrl, emailUrl }) {
    Object.assign(this, { dialog, url, fields, inboxUrl, emailUrl });
    this.form = dialog.querySelector("form");
    this.result = dialog.querySelector("[data-test-result]");
    this.send = dialog.querySelector("[data-test-send]");
    dialog.querySelector("[data-test-close]").addEventListener("click", () => dialog.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
  }

  open() {
    this.result.replaceChildren();
    this.dialog.showModal();
  }

  async submit() {
    const to = [...this.form.querySelectorAll("input[name=to]:checked")].map(({ value }) => value);
    if (!to.length) return this.say("bad", "Choose somebody to send it to.");
    this.send.disabled = true;
    this.say("neutral", "Sending…");
    try {
      const { status, body } = await ask(this.url, { data: formOf({ ...this.fields(), to }) });
      if (status === 200) this.done(body.sent);
      else this.say("bad", ...(body.errors ?? [{ message: body.message ?? `The server answered ${status}.` }]).map(({ message }) => message));
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.say("bad", error.message);
    }
    this.send.disabled = false;
    return null;
  }

  done(sent) {
    const names = sent.map(({ to }) => to).join(", ");
    this.say("good", `On its way to ${names}.`);
    const links = sent.map(({ email, to }) => make("a", { href: this.emailUrl.replace("00000000-0000-0000-0000-000000000000", email), target: "_blank", rel: "noopener", text: sent.length > 1 ? `What became of ${to}’s` : "What became of it" }));
    if (this.inboxUrl) links.unshift(make("a", { href: this.inboxUrl, target: "_blank", rel: "noopener", text: "Open the Inbox" }));
    this.result.append(make("p", { class: "test-links" }, ...links));
  }

  say(tone, ...lines) {
    this.result.replaceChildren(make("div", { class: `notice notice-${tone}` }, ...lines.map((line) => make("p", { text: line }))));
  }
}
