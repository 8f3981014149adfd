// What a mail in the project's design is made of.

import { Extension, Mark } from "@tiptap/core";
import Blockquote from "@tiptap/extension-blockquote";
import Bold from "@tiptap/extension-bold";
import Code from "@tiptap/extension-code";
import CodeBlock from "@tiptap/extension-code-block";
import Document from "@tiptap/extension-document";
import HardBreak from "@tiptap/extension-hard-break";
import Heading from "@tiptap/extension-heading";
import HorizontalRule from "@tiptap/extension-horizontal-rule";
import Italic from "@tiptap/extension-italic";
import Link from "@tiptap/extension-link";
import { BulletList, ListItem, ListKeymap, OrderedList } from "@tiptap/extension-list";
import Paragraph from "@tiptap/extension-paragraph";
import Strike from "@tiptap/extension-strike";
import Text from "@tiptap/extension-text";
import Underline from "@tiptap/extension-underline";
import { Dropcursor, Gapcursor, Placeholder, UndoRedo } from "@tiptap/extensions";
import { Button, Column, Columns, Image, Progress, Raw, Spacer } from "./nodes.js";
import { ListLogic, Logic, LogicLine, Recognition, Variable } from "./variables.js";

const BAD_ADDRESS = /^[\s\u0000-\u001f]*(?:javascript|data|vbscript|file|blob):/i;

// A link leads out of the mail: by a web address, a variable, mail or telephone.
export function isGoodAddress(address) {
  return !BAD_ADDRESS.test(address ?? "");
}

const Color = Mark.create({
  name: "color",
  addAttributes: () => ({
    color: {
      default: null,
      parseHTML: (element) => hex(element.dataset.textColor),
      renderHTML: ({ color }) => (color ? { style: `color: ${color}` } : {}),
    },
  }),
  parseHTML: () => [{ tag: "[data-text-color]", consuming: false, getAttrs: (element) => (hex(element.dataset.textColor) ? {} : false) }],
  renderHTML: ({ HTMLAttributes }) => ["span", HTMLAttributes, 0],
});

// `rgb(1, 2, 3)`, as a browser puts it, becomes `#010203`; black is no colour of its own.
function hex(color) {
  const parts = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(color ?? "");
  if (!parts) return null;
  const found = `#${parts.slice(1).map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
  return found === "#000000" ? null : found;
}

const Alignment = Extension.create({
  name: "alignment",
  addGlobalAttributes: () => [
    {
      types: ["paragraph", "heading"],
      attributes: {
        align: {
          default: null,
          parseHTML: (element) => (["center", "right"].includes(element.dataset.textAlign) ? element.dataset.textAlign : null),
          renderHTML: ({ align }) => (align ? { style: `text-align: ${align}` } : {}),
        },
      },
    },
  ],
});

const nodes = [
  Document,
  Text,
  Paragraph.extend({
    group: "block flow",
    addAttributes: () => ({ bare: { default: false, rendered: false, keepOnSplit: false } }),
  }),
  Heading.extend({ group: "block flow" }).configure({ levels: [1, 2, 3] }),
  BulletList.extend({ group: "block flow list", content: "(listItem | listLogic)+" }),
  OrderedList.extend({ group: "block flow list", content: "(listItem | listLogic)+", addAttributes: () => ({ start: { default: 1, parseHTML: (element) => Number.parseInt(element.getAttribute("start"), 10) || 1 } }) }),
  ListItem.extend({ content: "paragraph (paragraph | list)*" }),
  Blockquote.extend({ group: "block flow", content: "(paragraph | heading | list)+" }),
  CodeBlock.extend({ group: "block flow", addAttributes: () => ({}) }),
  HorizontalRule.extend({ group: "block flow" }),
  HardBreak,
  Button,
  Image,
  Columns,
  Column,
  Progress,
  Spacer,
  Raw,
  Variable,
  Logic,
  LogicLine,
  ListLogic,
  Recognition,
];

const marks = [
  Bold,
  Italic,
  Underline,
  Strike,
  Code.extend({ excludes: "" }),
  Color,
  Link.extend({
    inclusive: false,
    addAttributes: () => ({ href: { default: "" }, title: { default: null }, target: { default: null }, rel: { default: null } }),
  }).configure({
    openOnClick: false,
    autolink: true,
    linkOnPaste: true,
    HTMLAttributes: {},
    isAllowedUri: isGoodAddress,
  }),
];

export function extensions({ placeholder }) {
  return [
    ...nodes,
    ...marks,
    Alignment,
    ListKeymap,
    UndoRedo,
    Gapcursor,
    Dropcursor.configure({ color: false, class: "drop-line", width: 3 }),
    Placeholder.configure({ placeholder, includeChildren: true, showOnlyCurrent: true }),
  ];
}
