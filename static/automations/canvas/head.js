// The head of the canvas: what is live, publishing, switching on and off.

import { plural } from "./catalogue.js";
import { ask, button, choose, make, say } from "./dom.js";
import { Trouble } from "./saving.js";

export class Head {
  constructor(store, server, saving, root, showProblems) {
    Object.assign(this, { store, server, saving, root, showProblems });
    this.part = (name) => root.querySelector(`[data-${name}]`);
    this.part("publish").addEventListener("click", () => this.#publish());
    this.part("switch").addEventListener("click", () => this.#switch());
    this.#listenToName(this.part("rename"));
    store.on("state", () => this.show());
    store.on("document", () => this.show());
    this.show();
  }

  show() {
    const { enabled, hasChanges, live } = this.store.state;
    const differs = hasChanges || this.saving.isDirty;
    this.part("publish").hidden = !differs;
    const toggle = this.part("switch");
    toggle.setAttribute("aria-checked", String(enabled));
    this.part("switch-words").textContent = enabled ? "On" : "Off";
    this.part("version").textContent = live ? `Version ${live.number}${differs ? ", with changes not published" : ""}` : "Not published yet";
    this.part("version").title = live ? `Published ${new Date(live.at).toLocaleString()}${live.by ? ` by ${live.by}` : ""}` : "";
    this.part("by").textContent = live?.by ? `by ${live.by}` : "";
  }

  // The name is changed where it stands; Escape and an empty one bring back the last.
  #listenToName(input) {
    const keep = () => {
      const name = input.value.trim();
      if (!name) say("It needs a name, so it keeps the one it had.", { tone: "bad" });
      const { settings } = this.store;
      input.value = name || settings.name;
      if (input.value === settings.name) return;
      this.store.set("settings", { ...settings, name });
      document.title = document.title.replace(settings.name, () => name);
      this.part("title").textContent = name;
    };
    input.addEventListener("change", keep);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") input.value = this.store.settings.name;
      if (event.key === "Enter" || event.key === "Escape") {
        event.stopPropagation();
        input.blur();
      }
    });
  }

  async #call(name, data, words) {
    if (!(await this.saving.now())) {
      say("Your last changes are not saved yet, so nothing else was done.", { tone: "bad" });
      return false;
    }
    try {
      const state = await this.server.post(name, typeof data === "function" ? data() : data);
      this.store.set("state", state);
      say(words);
      return true;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      if (error.body.problems) {
        this.store.set("problems", this.#with(error.body.problems));
        this.showProblems();
      }
      if (error.status === 409) await this.saving.conflict(error);
      else say(error.message, { tone: "bad" });
      return false;
    }
  }

  // Errors from the answer, and the warnings that were known.
  #with(errors) {
    return [...errors, ...this.store.problems.filter(({ severity }) => severity !== "error")];
  }

  async #publish() {
    const { inside, live } = this.store.state;
    let moveRuns = false;
    if (live && inside) {
      const answer = await this.#askWhere(inside);
      if (!answer) return;
      moveRuns = answer === "move";
    }
    await this.#call("publish", () => ({ revision: this.store.state.revision, moveRuns }), "Published. Who comes in now follows this version.");
  }

  #askWhere(inside) {
    const count = inside > 10000 ? "More than 10,000 people" : plural(inside, "run");
    const option = (value, label, hint, isOn) => {
      const input = make("input", { type: "radio", name: "where", value });
      input.checked = isOn;
      return make("label", { class: "choice-card" }, input, make("span", {}, make("strong", { text: label }), make("small", { text: hint })));
    };
    return ask("Publish the changes", (close) => {
      const body = make(
        "div",
        { class: "ask-body" },
        make("p", { text: `${count} inside now. New people follow the new version; what about those?` }),
        option("stay", "They finish on their version", "What they began goes on as it was.", true),
        option("move", "Move them to this version", "They go on from the same step; who is at a step that is gone stays on the old version.", false),
      );
      return [
        body,
        make("div", { class: "ask-actions" }, button("Publish", null, () => close(body.querySelector("input:checked").value), { class: "button-primary" }), button("Cancel", null, () => close(null), { class: "button-quiet" })),
      ];
    });
  }

  async #switch() {
    const { enabled, inside } = this.store.state;
    if (!enabled) {
      await this.#call("enable", {}, "On. People come in from now on.");
      return;
    }
    const words = inside ? "Nobody comes in any more. Those inside go on to their end." : "Nobody comes in any more, until you switch it on again.";
    const wish = await choose("Switch this automation off?", words, [{ value: "off", label: "Switch off", tone: "button-primary" }]);
    if (wish) await this.#call("disable", {}, "Off. Nobody comes in.");
  }
}
