// The code editor: a mail whose HTML is the author's own.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { html } from "@codemirror/lang-html";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const LEVELS = { error: "error", warning: "warning", hint: "info" };

// Colours come from the page's style sheet, for light and dark.
const colors = HighlightStyle.define([
  { tag: tags.tagName, class: "cm-x-tag" },
  { tag: tags.attributeName, class: "cm-x-attribute" },
  { tag: [tags.attributeValue, tags.string], class: "cm-x-string" },
  { tag: [tags.comment, tags.docComment], class: "cm-x-comment" },
  { tag: [tags.angleBracket, tags.punctuation, tags.bracket], class: "cm-x-mark" },
  { tag: [tags.number, tags.color, tags.atom, tags.unit], class: "cm-x-number" },
  { tag: [tags.keyword, tags.propertyName, tags.className], class: "cm-x-keyword" },
]);

const liquid = new MatchDecorator({
  regexp: /\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}/g,
  decoration: ([found]) => Decoration.mark({ class: found.startsWith("{{") ? "cm-x-variable" : "cm-x-logic" }),
});

const highlightLiquid = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.decorations = liquid.createDeco(view);
    }

    update(update) {
      this.decorations = liquid.updateDeco(update, this.decorations);
    }
  },
  { decorations: ({ decorations }) => decorations },
);

function completing(variables) {
  return (context) => {
    const found = context.matchBefore(/\{\{\s*[\w.[\]-]*/);
    if (!found) return null;
    const from = found.from + /^\{\{\s*/.exec(found.text)[0].length;
    const closes = context.state.sliceDoc(context.pos, context.pos + 4).trimStart().startsWith("}");
    const pad = found.text.endsWith("{{") ? " " : "";
    return {
      from,
      validFor: /^[\w.[\]-]*$/,
      options: variables.search("").map(({ path, label, coverage, isSystem }) => ({
        label: path,
        type: "variable",
        detail: isSystem || coverage === null || coverage === undefined ? label : `${Math.round(coverage)} %`,
        apply: `${pad}${path}${closes ? "" : " }}"}`,
      })),
    };
  };
}

class CodeEditor {
  constructor({ host, body, variables, changed, nonce }) {
    this.findings = [];
    const extensions = [
      EditorView.cspNonce.of(nonce),
      lineNumbers(),
      foldGutter(),
      lintGutter(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      indentOnInput(),
      syntaxHighlighting(colors),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      search({ top: true }),
      html({ autoCloseTags: true }),
      EditorState.languageData.of(() => [{ autocomplete: completing(variables) }]),
      autocompletion({ icons: false }),
      highlightLiquid,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "HTML of the mail" }),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => update.docChanged && changed()),
    ];
    // Line ends stay what they are in a mail: a line feed.
    this.view = new EditorView({ state: EditorState.create({ doc: body, extensions }), parent: host });
    this.read = body;
    this.readAs = this.view.state.doc;
  }

  get body() {
    const { doc } = this.view.state;
    return doc.eq(this.readAs) ? this.read : doc.toString();
  }

  load(body, { isEdit = false } = {}) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: body } });
    if (isEdit) return;
    this.read = body;
    this.readAs = this.view.state.doc;
  }

  insert(text) {
    this.view.dispatch(this.view.state.replaceSelection(text), { scrollIntoView: true });
    this.view.focus();
  }

  mark(findings) {
    const { doc } = this.view.state;
    const marks = findings.filter(({ part, line }) => part === "body" && line >= 1 && line <= doc.lines).map((finding) => {
      const line = doc.line(finding.line);
      const from = Math.min(line.from + Math.max(0, (finding.column || 1) - 1), line.to);
      const word = /^(?:\{\{[^\n]*?\}\}|\{%[^\n]*?%\}|<[^\s>]*|[^\s<>"']+)/.exec(doc.sliceString(from, line.to));
      return { from, to: Math.min(line.to, from + Math.max(1, word?.[0].length ?? 1)), severity: LEVELS[finding.level] ?? "info", message: finding.message };
    });
    this.view.dispatch(setDiagnostics(this.view.state, marks));
  }

  reveal(line, column) {
    const { doc } = this.view.state;
    const found = doc.line(Math.max(1, Math.min(line, doc.lines)));
    const anchor = Math.min(found.to, found.from + Math.max(0, column - 1));
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    this.view.focus();
  }

  focus() {
    this.view.focus();
  }

  destroy() {
    this.view.destroy();
  }
}

export { CodeEditor };
