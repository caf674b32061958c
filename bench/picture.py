"""The table as an SVG: one pair of bars per row, log scale, for the README."""

from __future__ import annotations

import math
from html import escape

from .measure import Measured

_WIDTH, _LABEL, _ROW = 900, 330, 30
_TITLE = "history events per second (log scale), native Core in grey, corewasm in violet"
_FONT = 'font-family="sans-serif" font-size="12"'
_COLORS = {"native": "#9aa5b1", "corewasm": "#654ff0"}


def svg(measured: list[Measured]) -> str:
    """Bars for the rows that are events per second on both Cores."""
    rows = [each for each in measured if each.row.higher_is_better and each.ratio() is not None]
    top = max(max(each.median(core) or 1 for core in _COLORS) for each in rows)
    height = 46 + _ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="10" y="20" font-size="14">{_TITLE}</text>',
    ]
    for index, each in enumerate(rows):
        parts += _row(each, 36 + index * _ROW, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(measured: Measured, y: int, top: float) -> list[str]:
    parts = [f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(measured.row.name)}</text>']
    for offset, (core, color) in enumerate(_COLORS.items()):
        value = measured.median(core) or 1
        width = max(1.0, (_WIDTH - _LABEL - 150) * math.log10(max(value, 10) / 10) / math.log10(top / 10))
        bar = y + 2 + offset * 11
        parts.append(f'<rect x="{_LABEL}" y="{bar}" width="{width:.0f}" height="10" fill="{color}"/>')
        parts.append(f'<text x="{_LABEL + width + 5:.0f}" y="{bar + 9}" font-size="10">{value:,.0f}/s</text>')
    parts.append(f'<text x="{_WIDTH - 10}" y="{y + 17}" text-anchor="end">{measured.ratio():.1f}x</text>')
    return parts
