"""Lines of plain text, written as HTML."""

from __future__ import annotations

import html

from transactional.language import Form, check
from transactional.styling.setting_aside import rewritten_around_liquid


def literal(text: str) -> str:
    """Write text as HTML in which no brace begins a variable."""
    return html.escape(text).replace("{", "&#123;").replace("}", "&#125;")


def escaped(line: str) -> str:
    """Write a line with variables as HTML; they are escaped as they are filled in.

    A line that is no good Liquid would spoil all of the HTML around it. By itself its
    variables are still filled in, so they are here; what else it says is text.
    """
    if "{" not in line:
        return html.escape(line)
    for text in (line, line.replace("{%", "{\ufeff%")):
        markup = rewritten_around_liquid(text, html.escape)
        if not check(markup, Form.HTML):
            return markup.replace("{\ufeff%", "&#123;%")
    return literal(line)
