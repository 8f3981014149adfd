// How a variable is shown in a list: its name, what it holds and how many have it.

import { make } from "./dom.js";

export function variableOption({ path, label, coverage, example, isSystem }) {
  const shown = example === null || example === undefined || example === "" ? "" : String(example);
  const share = isSystem || coverage === null || coverage === undefined ? "" : `${Math.round(coverage)} %`;
  return [
    make("span", { class: "pop-name" }, make("code", { text: path }), make("small", { text: [label !== path ? label : "", shown && `such as ${shown}`].filter(Boolean).join(" · ") })),
    make("span", { class: "pop-hint", title: share ? `${share} of the contacts have it` : "", text: share }),
  ];
}
