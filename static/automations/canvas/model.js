// A workflow's document and what can be done to it: pure, each returns a new document.
// The server reads the same document (automations/definitions.py).

export class Refused extends Error {}

export const SIZE = { width: 248, height: 84, gapX: 48, gapY: 76 };

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Without HTTPS there is only the raw chance.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export function stepOf(document, id) {
  return document.steps.find((step) => step.id === id);
}

export function startOf(document) {
  return document.steps.find((step) => step.type === "TRIGGER");
}

// The ways by which a step may be left: [{key, label}].
export function outcomesOf(step) {
  const { type, config } = step;
  if (type === "EXIT") return [];
  if (type === "WAIT_FOR_EVENT") {
    const ways = [{ key: "EVENT", label: "It happened" }];
    if (config.timeout) ways.push({ key: "TIMEOUT", label: "Time is up" });
    return ways;
  }
  if (type !== "CONDITION") return [{ key: "", label: "" }];
  if (config.mode !== "multi") return [{ key: "yes", label: "Yes" }, { key: "no", label: "No" }];
  const branches = Array.isArray(config.branches) ? config.branches : [];
  return [...branches.map(({ id, name }, at) => ({ key: id, label: name || `Branch ${at + 1}` })), { key: "default", label: "Otherwise" }];
}

export function outcomeOf(step, way) {
  const branch = way.condition?.branch ?? "";
  if (step.type === "CONDITION") return branch;
  if (step.type !== "WAIT_FOR_EVENT") return "";
  const isLate = String(branch).toLowerCase() === "timeout" || Boolean(way.condition?.fallback);
  return way.waitOutcome === "TIMEOUT" || (isLate && !way.waitOutcome) ? "TIMEOUT" : "EVENT";
}

export function waysFrom(document, id) {
  return document.transitions.filter((way) => way.fromStepId === id);
}

export function waysTo(document, id) {
  return document.transitions.filter((way) => way.toStepId === id);
}

export function wayOf(document, id, outcome) {
  const step = stepOf(document, id);
  return waysFrom(document, id).find((way) => outcomeOf(step, way) === outcome);
}

export function freeOutcomes(document, step) {
  return outcomesOf(step).filter(({ key }) => !wayOf(document, step.id, key));
}

export function downstream(document, id) {
  const seen = new Set();
  const waiting = [id];
  while (waiting.length) {
    const current = waiting.pop();
    if (seen.has(current)) continue;
    seen.add(current);
    waiting.push(...waysFrom(document, current).map((way) => way.toStepId));
  }
  return seen;
}

// Steps in the order in which people come to them; what nothing leads to comes last.
export function flow(document) {
  const order = [];
  const seen = new Set();
  const walk = (id) => {
    if (seen.has(id)) return;
    seen.add(id);
    const step = stepOf(document, id);
    order.push(step);
    for (const { key } of outcomesOf(step)) {
      const way = wayOf(document, id, key);
      if (way) walk(way.toStepId);
    }
  };
  const start = startOf(document);
  if (start) walk(start.id);
  for (const step of document.steps) if (!waysTo(document, step.id).length) walk(step.id);
  for (const step of document.steps) walk(step.id);
  return order;
}

function wayWith(step, outcome, toStepId, id = newId()) {
  const at = outcomesOf(step).findIndex(({ key }) => key === outcome);
  return {
    id,
    fromStepId: step.id,
    toStepId,
    condition: step.type === "CONDITION" ? { branch: outcome } : null,
    priority: Math.max(at, 0),
    waitOutcome: step.type === "WAIT_FOR_EVENT" ? outcome : null,
  };
}

// A name may not be empty: the server reads none that is.
export function newStep(type, name, config, position) {
  return { id: newId(), type, name, position, config: structuredClone(config ?? {}), templateId: null };
}

// Adds a step; `after` is {id, outcome} of the way that leads to it, if any.
export function addStep(document, step, after = null) {
  const added = { ...document, steps: [...document.steps, step] };
  return after ? connect(added, after.id, after.outcome, step.id) : added;
}

export function connect(document, fromId, outcome, toId) {
  const [from, to] = [stepOf(document, fromId), stepOf(document, toId)];
  if (fromId === toId) throw new Refused("A step cannot lead to itself.");
  if (to.type === "TRIGGER") throw new Refused("Nothing leads to the trigger: it is the beginning.");
  if (!outcomesOf(from).some(({ key }) => key === outcome)) throw new Refused("That step has no such way out.");
  if (downstream(document, toId).has(fromId)) throw new Refused("That would lead in a circle.");
  const before = wayOf(document, fromId, outcome);
  const others = document.transitions.filter((way) => way !== before);
  return { ...document, transitions: [...others, wayWith(from, outcome, toId, before?.id)] };
}

export function disconnect(document, wayId) {
  return { ...document, transitions: document.transitions.filter((way) => way.id !== wayId) };
}

// Puts a step between the two that a way joins, and makes room for it.
export function insertOn(document, wayId, step) {
  const way = document.transitions.find((one) => one.id === wayId);
  const target = stepOf(document, way.toStepId);
  const [first] = outcomesOf(step);
  const room = SIZE.height + SIZE.gapY;
  const placed = { ...step, position: { ...target.position } };
  const moved = downstream(document, target.id);
  const steps = document.steps.map((one) => (moved.has(one.id) ? { ...one, position: { x: one.position.x, y: one.position.y + room } } : one));
  const transitions = document.transitions.map((one) => (one === way ? { ...one, toStepId: step.id } : one));
  if (first) transitions.push(wayWith(step, first.key, target.id));
  return { ...document, steps: [...steps, placed], transitions };
}

// Changes a step; ways out of branches that it has no more go with them.
export function changeStep(document, id, changes) {
  const steps = document.steps.map((step) => (step.id === id ? { ...step, ...changes } : step));
  const step = steps.find((one) => one.id === id);
  const keys = new Set(outcomesOf(step).map(({ key }) => key));
  const transitions = document.transitions.filter((way) => way.fromStepId !== id || keys.has(outcomeOf(step, way)));
  return { ...document, steps, transitions };
}

export function changeTrigger(document, trigger) {
  return { ...document, trigger };
}

export function place(document, positions) {
  const steps = document.steps.map((step) => (positions.has(step.id) ? { ...step, position: positions.get(step.id) } : step));
  return { ...document, steps };
}

// Where people can go on when a step is taken out: the steps it leads to.
export function targetsOf(document, id) {
  return [...new Set(waysFrom(document, id).map((way) => way.toStepId))];
}

// Takes a step out and joins its neighbours; who came to it goes on at `onward`.
export function removeAlone(document, id, onward = targetsOf(document, id)[0]) {
  const transitions = [];
  for (const way of document.transitions) {
    if (way.fromStepId === id) continue;
    if (way.toStepId !== id) transitions.push(way);
    else if (onward) transitions.push({ ...way, toStepId: onward });
  }
  return { ...document, steps: document.steps.filter((step) => step.id !== id), transitions };
}

// What goes with a step: everything that only it leads to.
export function onlyAfter(document, id) {
  const ways = document.transitions.filter((way) => way.fromStepId !== id && way.toStepId !== id);
  const kept = downstream({ ...document, transitions: ways }, startOf(document).id);
  return new Set([...downstream(document, id)].filter((one) => one === id || !kept.has(one)));
}

export function removeAfter(document, id) {
  const gone = onlyAfter(document, id);
  return {
    ...document,
    steps: document.steps.filter((step) => !gone.has(step.id)),
    transitions: document.transitions.filter((way) => !gone.has(way.fromStepId) && !gone.has(way.toStepId)),
  };
}

// Where a new step is put: under the way that leads to it, beside what stands there.
export function placeAfter(document, after) {
  if (!after) {
    const lowest = Math.max(...document.steps.map((step) => step.position.y));
    return { x: startOf(document).position.x, y: lowest + SIZE.height + SIZE.gapY };
  }
  const from = stepOf(document, after.id);
  const keys = outcomesOf(from).map(({ key }) => key);
  const wide = SIZE.width + SIZE.gapX;
  const aside = (keys.indexOf(after.outcome) - (keys.length - 1) / 2) * wide;
  const spot = { x: from.position.x + aside, y: from.position.y + SIZE.height + SIZE.gapY };
  const isTaken = ({ position }) => Math.abs(position.x - spot.x) < SIZE.width + 8 && Math.abs(position.y - spot.y) < SIZE.height + 8;
  while (document.steps.some(isTaken)) spot.x += wide;
  return spot;
}
