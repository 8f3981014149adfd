// The canvas of an automation: puts its parts together.

import { useIcons } from "./dom.js";
import { Edges } from "./edges.js";
import { Editing } from "./editing.js";
import { Findings } from "./findings.js";
import { Head } from "./head.js";
import { listen } from "./keyboard.js";
import { apart } from "./layout.js";
import { stepOf } from "./model.js";
import { Panel } from "./panel.js";
import { Pointing } from "./pointing.js";
import { Saving, Server, Trouble } from "./saving.js";
import { Store } from "./store.js";
import { View } from "./view.js";
import { Viewport } from "./viewport.js";

const POLL_MS = 4000;

function start(root) {
  const config = JSON.parse(document.getElementById("canvas-config").textContent);
  const part = (name) => root.querySelector(`[data-${name}]`);
  useIcons(config.icons);
  const store = new Store({ ...config, document: apart(config.document) });
  store.urls = config.urls;
  const area = part("area");
  const viewport = new Viewport(area, part("world"), (k) => {
    part("zoomed").textContent = `${Math.round(k * 100)}%`;
  });
  const view = new View(store, part("steps"));
  // What the panel covers is not in sight: at the right, or below on small screens.
  const covered = () => {
    const box = part("panel").getBoundingClientRect();
    const isBelow = matchMedia("(max-width: 760px)").matches;
    return part("panel").hidden || !isBelow ? {} : { bottom: Math.max(0, area.getBoundingClientRect().bottom - box.top) };
  };
  const reveal = (id) => viewport.reveal(stepOf(store.document, id), covered());
  const editing = new Editing(store, { viewport, view, reveal });
  const edges = new Edges(store, part("edges"), part("chips"), (wayId) => editing.insert(wayId));
  let last = null;
  const panel = new Panel(store, part("panel"), editing, () => {
    if (last && area.contains(document.activeElement) === false && document.activeElement === document.body) view.focus(last);
  });
  const open = (id) => {
    last = id;
    store.select(id);
    reveal(id);
  };
  const saving = new Saving(store, new Server(config), (state, words, more = "") => {
    part("saved").dataset.saved = state;
    part("saved-words").textContent = words;
    part("saved").title = more;
    part("retry").hidden = state !== "unsaved";
  });
  part("retry").addEventListener("click", () => saving.retry());
  const findings = new Findings(store, { toggle: part("findings-toggle"), list: part("findings") }, (id) => {
    open(id);
    view.focus(id);
  });
  new Head(store, saving.server, saving, root, () => findings.show());
  new Pointing(store, { area, viewport, view, edges, draft: part("draft") }, {
    openStep: open,
    pressPort: (id, outcome) => editing.addAfter(id, outcome),
    connect: (id, outcome, target) => editing.connect(id, outcome, target),
    addAt: (id, outcome, position) => editing.addAfter(id, outcome, position),
    clear: () => store.select(null),
  });
  const closePanel = () => {
    if (!panel.isOpen) return false;
    const id = store.selected;
    panel.close();
    view.focus(id);
    return true;
  };
  listen(store, { root, area, view, editing, reveal, viewport, closePanel });
  tools(root, { store, editing, viewport });

  store.on("document", () => {
    view.render();
    edges.render();
    part("undo").disabled = !store.canUndo;
    part("redo").disabled = !store.canRedo;
    part("hint").hidden = store.document.steps.length > 1;
  });
  store.on("selected", () => view.mark());
  store.on("problems", () => view.mark());
  store.on("counts", () => {
    view.count();
    edges.count();
  });
  store.tell("document", { from: "start" });
  viewport.fit(store.document.steps);
  if (config.document.steps.length === 1) store.select(config.document.steps[0].id, { opens: false });
  poll(store, saving);
  root.dataset.ready = "";
}

function tools(root, { store, editing, viewport }) {
  const acts = {
    undo: () => store.undo(),
    redo: () => store.redo(),
    add: () => editing.add(),
    tidy: () => editing.tidy(),
    nearer: () => viewport.zoom(1.2),
    farther: () => viewport.zoom(1 / 1.2),
    fit: () => viewport.fit(store.document.steps),
  };
  for (const [name, act] of Object.entries(acts)) root.querySelector(`[data-${name}]`).addEventListener("click", act);
}

// Figures come by themselves while somebody looks.
function poll(store, saving) {
  const look = async () => {
    if (document.visibilityState === "visible") {
      try {
        const { counts, revision, ...state } = await saving.server.get("counts");
        store.set("counts", counts);
        // The revision is what this page has seen; another's is told when saving.
        store.set("state", { ...state, revision: store.state.revision });
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
      }
    }
    setTimeout(look, POLL_MS);
  };
  setTimeout(look, POLL_MS);
}

const root = document.querySelector("[data-canvas]");
if (root) start(root);
