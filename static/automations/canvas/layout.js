// Tidying up: layers from top to bottom, parents above the middle of what they lead to. Pure.

import { SIZE, flow, outcomesOf, place, startOf, wayOf, waysTo } from "./model.js";

// What nobody has placed, such as steps from the API, lies in a pile: it is tidied up.
export function apart(document) {
  const spots = new Set(document.steps.map(({ position: { x, y } }) => `${Math.round(x)} ${Math.round(y)}`));
  return spots.size === document.steps.length ? document : place(document, tidy(document));
}

// Returns where each step goes: a Map of positions by id.
export function tidy(document) {
  const order = flow(document);
  const depth = depths(document, order);
  const column = columns(document, order, depth);
  const wide = SIZE.width + SIZE.gapX;
  const high = SIZE.height + SIZE.gapY;
  const origin = column.get(startOf(document).id);
  return new Map(order.map(({ id }) => [id, { x: Math.round((column.get(id) - origin) * wide) + 100, y: depth.get(id) * high + 100 }]));
}

// The longest way to a step decides on its layer, so that every way leads down.
function depths(document, order) {
  const depth = new Map();
  const of = (id, trail) => {
    if (depth.has(id)) return depth.get(id);
    if (trail.has(id)) return 0;
    const next = new Set(trail).add(id);
    const above = waysTo(document, id).map((way) => of(way.fromStepId, next) + 1);
    const found = Math.max(0, ...above);
    depth.set(id, found);
    return found;
  };
  for (const { id } of order) of(id, new Set());
  return depth;
}

// Each step belongs to the first that leads to it; a subtree stands beside its sister.
function columns(document, order, depth) {
  const children = new Map(order.map(({ id }) => [id, []]));
  const owned = new Set();
  for (const step of order) {
    for (const { key } of outcomesOf(step)) {
      const way = wayOf(document, step.id, key);
      if (!way || owned.has(way.toStepId) || way.toStepId === step.id) continue;
      owned.add(way.toStepId);
      children.get(step.id).push(way.toStepId);
    }
  }
  const column = new Map();
  const ends = new Map();
  const put = (id) => {
    const below = children.get(id);
    for (const child of below) put(child);
    const middle = below.length ? (column.get(below[0]) + column.get(below.at(-1))) / 2 : 0;
    const free = ends.get(depth.get(id)) ?? 0;
    const at = below.length ? middle : free;
    column.set(id, at);
    if (at < free) shift(id, free - at);
    for (const one of [id]) ends.set(depth.get(one), column.get(one) + 1);
  };
  const shift = (id, by) => {
    column.set(id, column.get(id) + by);
    ends.set(depth.get(id), Math.max(ends.get(depth.get(id)) ?? 0, column.get(id) + 1));
    for (const child of children.get(id)) shift(child, by);
  };
  for (const { id } of order) if (!owned.has(id)) put(id);
  return column;
}
