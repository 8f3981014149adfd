"""What docs/template-language.md says is so."""

from __future__ import annotations

import re
from pathlib import Path

from transactional.language import Form, check, compile_part
from transactional.language.filters import FILTERS
from transactional.language.liquid import LiquidPart
from transactional.language.structure import BLOCKS, SINGLES

PAGE = Path(__file__).parents[3] / "docs" / "template-language.md"
#: Other names of `escape` and `raw`.
ALIASES = {"h", "safe"}


def test_the_examples_can_be_saved() -> None:
    page = PAGE.read_text()
    (block,) = re.findall(r"```liquid\n(.*?)```", page, re.DOTALL)
    spans = [span.replace("\\|", "|") for span in re.findall(r"`(\{\{.*?\}\})`", page)]

    assert check(block, Form.HTML) == []
    assert isinstance(compile_part(block, Form.HTML), LiquidPart)
    assert len(spans) > 5
    assert [span for span in spans if check(span, Form.HTML)] == []


def test_every_filter_and_tag_is_named() -> None:
    page = PAGE.read_text()
    table = page.partition("## Filters")[2].partition("## Limits")[0]

    assert set(FILTERS) - set(re.findall(r"`(\w+)", table)) == ALIASES
    assert all(
        f"{{% {name} " in page for name in [*BLOCKS, *SINGLES - {"break", "continue"}]
    )
