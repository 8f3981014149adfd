"""The translations of what recipients read: what there is to say, and what is said.

`python -m tests.catalogues` brings contacts/locale up to date after a sentence changed:
new sentences are added, empty, old ones are dropped, and each `.mo` is compiled anew.
`tests/contacts/test_translations.py` fails until all of them are translated.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "contacts/locale"
#: Where sentences for recipients stand.
SOURCES = [
    *sorted(ROOT.glob("contacts/pages/wording.py")),
    *sorted(ROOT.glob("transactional/confirmations.py")),
    *sorted(ROOT.glob("transactional/styling/footers.py")),
    *sorted(ROOT.glob("templates/contacts/public/*.html")),
    *sorted(ROOT.glob("templates/transactional/confirmation*")),
]
_GETTEXT = frozenset({"_", "gettext"})
_QUOTED = r"u?('''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_IN_TEMPLATE = re.compile(
    rf"\b(n?gettext|_)\(\s*{_QUOTED}(?:\s*,\s*{_QUOTED})?", re.DOTALL
)

#: Sentences, each with its plural where it has one.
Sentences = dict[str, str]


def sentences() -> Sentences:
    """Return every sentence that is said to recipients, in English."""
    found: Sentences = {}
    for path in SOURCES:
        text = path.read_text()
        found |= _of_python(text) if path.suffix == ".py" else _of_template(text)
    return found


def locales() -> list[str]:
    """Return the catalogues that there are; English is what the source says."""
    return sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())


def path_of(locale: str, suffix: str) -> Path:
    return LOCALE / locale / "LC_MESSAGES" / f"django.{suffix}"


def update(locale: str) -> list[str]:
    """Bring a catalogue up to date and compile it; return what it does not say."""
    path = path_of(locale, "po")
    catalogue = polib.pofile(str(path), wrapwidth=88)
    before = {entry.msgid: entry for entry in catalogue}
    catalogue.clear()
    for sentence, plural in sentences().items():
        new = polib.POEntry(msgid=sentence, msgid_plural=plural)
        catalogue.append(before.get(sentence, new))
    catalogue.save(str(path))
    catalogue.save_as_mofile(str(path_of(locale, "mo")))
    return [entry.msgid for entry in catalogue if not entry.translated()]


def _of_python(text: str) -> Sentences:
    return {
        call.args[0].value: ""
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in _GETTEXT
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def _of_template(text: str) -> Sentences:
    found = {}
    for name, one, many in _IN_TEMPLATE.findall(templatize(text)):
        is_plural = name == "ngettext"
        found[ast.literal_eval(one)] = ast.literal_eval(many) if is_plural else ""
    return found


def main() -> int:
    missing = [(locale, said) for locale in locales() for said in update(locale)]
    for locale, sentence in missing:
        sys.stderr.write(f"{locale}: not translated: {sentence}\n")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
