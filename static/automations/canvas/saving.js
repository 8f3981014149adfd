// Talking to the server: drafts are saved by themselves, one after the other.

import { choose, say } from "./dom.js";

const QUIET_MS = 700;
const AGAIN_MS = 5000;

export class Trouble extends Error {
  constructor(message, status = 0, body = {}) {
    super(message);
    Object.assign(this, { status, body });
  }
}

export class Server {
  constructor({ urls, token }) {
    Object.assign(this, { urls, token });
  }

  get(name) {
    return this.#call(name, { method: "GET" });
  }

  post(name, data = {}) {
    return this.#call(name, { method: "POST", body: JSON.stringify(data) });
  }

  async #call(name, options) {
    const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.token };
    let answer;
    try {
      answer = await fetch(this.urls[name], { ...options, headers });
    } catch {
      throw new Trouble("The server cannot be reached. Your changes stay here and are saved as soon as it can.");
    }
    if (answer.redirected) throw new Trouble("You are logged out. Log in in another tab; your changes stay here.");
    if (!answer.headers.get("Content-Type")?.includes("json")) {
      throw new Trouble(answer.status === 404 ? "This automation has been deleted." : `The server answered ${answer.status}. Your changes stay here.`, answer.status);
    }
    const body = await answer.json();
    if (!answer.ok) throw new Trouble(body.message ?? `The server answered ${answer.status}.`, answer.status, body);
    return body;
  }
}

export class Saving {
  #timer = null;
  #running = null;
  #saved;
  #settings;

  // `show(state, words)`: state is saved, saving or unsaved.
  constructor(store, server, show) {
    Object.assign(this, { store, server, show, isBlocked: false });
    this.#saved = store.document;
    this.#settings = store.settings;
    for (const topic of ["document", "settings"]) store.on(topic, () => this.#later(QUIET_MS));
    addEventListener("beforeunload", (event) => {
      if (this.isDirty) event.preventDefault();
    });
    addEventListener("online", () => this.#later(0));
  }

  get isDirty() {
    return this.#saved !== this.store.document || this.#settings !== this.store.settings;
  }

  #later(wait) {
    clearTimeout(this.#timer);
    if (this.isBlocked || !this.isDirty) return;
    this.show("saving", "Saving…");
    this.#timer = setTimeout(() => this.now(), wait);
  }

  // Saves at once what is not saved yet; resolves to whether all is.
  async now() {
    clearTimeout(this.#timer);
    while (this.#running) await this.#running;
    if (!this.isDirty) return true;
    if (this.isBlocked) return false;
    this.#running = this.#save(this.store);
    const isSaved = await this.#running;
    this.#running = null;
    if (isSaved && this.isDirty) this.#later(QUIET_MS);
    return isSaved && !this.isDirty;
  }

  async #save({ document, settings, state: { revision } }) {
    this.show("saving", "Saving…");
    const changed = Object.entries(settings).filter(([name, value]) => value !== this.#settings[name]);
    try {
      const { problems, ...state } = await this.server.post("save", { document, revision, ...Object.fromEntries(changed) });
      this.#saved = document;
      this.#settings = settings;
      this.store.set("state", state);
      this.store.set("problems", problems);
      if (!this.isDirty) this.show("saved", "Saved");
      return true;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      await this.#fail(error);
      return false;
    }
  }

  async #fail(error) {
    this.show("unsaved", "Not saved", error.message);
    if (error.status === 409) await this.conflict(error);
    else if (error.status === 422) say([error.message, ...(error.body.errors ?? []).map(({ message }) => message)].join(" "), { tone: "bad" });
    else if (!error.status || error.status >= 500) this.#timer = setTimeout(() => this.now(), AGAIN_MS);
  }

  // Somebody else saved first: theirs, or ours over theirs.
  async conflict(error) {
    this.isBlocked = true;
    const wish = await choose("Somebody else has changed this", `${error.message} Your last changes are not saved.`, [
      { value: "theirs", label: "Load what they saved", tone: "button-primary" },
      { value: "mine", label: "Save mine over it", tone: "button-danger" },
    ]);
    if (wish === "theirs") {
      this.#saved = this.store.document;
      this.#settings = this.store.settings;
      location.reload();
      return;
    }
    this.isBlocked = wish !== "mine";
    if (wish === "mine") {
      this.store.state.revision = error.body.revision;
      this.#timer = setTimeout(() => this.now(), 0);
    }
  }

  async retry() {
    this.isBlocked = false;
    return this.now();
  }
}
