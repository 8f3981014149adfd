// Saving, and what to do when somebody else was faster.

import { make } from "../dom.js";
import { ask, choose, formOf, say, Trouble } from "./asking.js";

export class Saving {
  // `wrong(errors)` shows errors at their fields.
  constructor({ config, state, fields, body, wrong, drafts }) {
    Object.assign(this, { config, state, fields, body, wrong, drafts });
    this.version = config.version;
    this.saved = this.snapshot();
    this.show("saved");
    addEventListener("beforeunload", (event) => this.isDirty && event.preventDefault());
  }

  snapshot() {
    return JSON.stringify(this.fields());
  }

  get isDirty() {
    return this.saved !== this.snapshot();
  }

  changed() {
    if (this.isBusy) return;
    if (this.isDirty) {
      this.show("changed");
      this.drafts.schedule(this.fields(), this.version);
    } else {
      this.show("saved");
      this.drafts.forget();
    }
  }

  show(name) {
    const words = { saved: "Saved", changed: "Not saved yet", busy: "Saving…", wrong: "Could not be saved" };
    this.state.dataset.saved = name;
    this.state.querySelector("[data-saved-words]").textContent = words[name];
    this.state.querySelector("[data-version]").textContent = `Version ${this.version}`;
  }

  async save() {
    if (this.isBusy) return;
    this.isBusy = true;
    this.show("busy");
    const values = this.fields();
    try {
      await this.post(values);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.show("wrong");
      say(error.message, { tone: "bad" });
    } finally {
      this.isBusy = false;
    }
    if (this.state.dataset.saved === "saved" && this.isDirty) this.changed();
  }

  async post(values) {
    const { status, body } = await ask(this.config.urls.save, { data: formOf({ ...values, version: this.version }) });
    if (status === 200) {
      this.version = body.version;
      this.saved = JSON.stringify(values);
      this.drafts.forget();
      this.wrong([]);
      this.show("saved");
    } else if (status === 409) {
      this.show("wrong");
      await this.settle(values, body.version);
    } else {
      this.show("wrong");
      this.wrong(body.errors ?? [{ field: "", message: body.message ?? `The server answered ${status}.` }]);
    }
  }

  async settle(values, newest) {
    const url = this.config.urls.version.replace("/0/", `/${newest}/`);
    const answer = await choose({
      title: "Somebody else has saved it meanwhile",
      content: [
        make("p", { text: `You began with version ${this.version}; version ${newest} has been saved since. What you wrote is still here.` }),
        make("p", {}, make("a", { href: url, target: "_blank", rel: "noopener", text: `Look at version ${newest}` }), " in a tab of its own."),
      ],
      actions: [
        { value: "mine", label: "Save mine as the newest", tone: "button-primary" },
        { value: "copy", label: "Copy mine" },
        { value: "theirs", label: "Discard mine and load theirs" },
        { value: "", label: "Back", tone: "button-quiet" },
      ],
    });
    if (answer === "mine") {
      this.version = newest;
      await this.post(values);
    } else if (answer === "copy") await copy(this.body());
    else if (answer === "theirs") {
      this.saved = this.snapshot();
      this.drafts.forget();
      location.reload();
    }
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Your body is in the clipboard.", { tone: "good" });
  } catch {
    const area = make("textarea", { class: "input", rows: "10", readonly: true });
    area.value = text;
    area.addEventListener("focus", () => area.select());
    await choose({ title: "Copy your body from here", content: [area], actions: [{ value: "", label: "Close" }] });
  }
}
