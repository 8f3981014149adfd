// What is not saved yet is also kept in this browser, in case it or the power goes off.

const PAUSE = 700;
const AGE_DAYS = 14;

export class Drafts {
  // `kept(is)` is told whether there is one.
  constructor({ key, user, kept }) {
    this.kept = kept;
    this.key = `plunk-draft:${user}:${key}`;
  }

  // Returns {values, version, at} or null.
  find() {
    try {
      const found = JSON.parse(localStorage.getItem(this.key));
      if (!found || Date.now() - found.at > AGE_DAYS * 86_400_000) return null;
      return found;
    } catch {
      return null;
    }
  }

  schedule(values, version) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(values, version), PAUSE);
  }

  keep(values, version) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ values, version, at: Date.now() }));
      this.kept(true);
    } catch {
      // Full or switched off: then there is none, and the browser still asks on leaving.
      this.forget();
    }
  }

  forget() {
    clearTimeout(this.timer);
    this.kept(false);
    try {
      localStorage.removeItem(this.key);
    } catch {
      return;
    }
  }
}
