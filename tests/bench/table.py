"""A small table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head, numbers to the right, texts to the left."""
    cells = [[_cell(value) for value in row] for row in rows]
    columns = list(zip(*[list(head), *cells], strict=True))
    widths = [max(map(len, column)) for column in columns]
    print(
        "  ".join(text.ljust(width) for text, width in zip(head, widths, strict=True))
    )
    print("  ".join("-" * width for width in widths))
    for row, texts in zip(rows, cells, strict=True):
        print(
            "  ".join(
                text.ljust(width) if isinstance(value, str) else text.rjust(width)
                for value, text, width in zip(row, texts, widths, strict=True)
            ).rstrip()
        )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
