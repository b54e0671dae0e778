"""How numbers are printed: rates as per cent, with as many digits as the sample bears."""

from __future__ import annotations

import math

from reproduce.report.published import Published, look_in
from reproduce.report.results import SETTING, Cell, Claim, ClaimVerdict, Verdict

NOT_AVAILABLE = "n/a"
SIGNS: dict[Verdict, str] = {
    "consistent": "✓",
    "differs": "≠",
    "unpublished": "",
    "other data": "°",
    "too wide": "?",
}
BY_ROUNDING = "≢"  # differs, where no draw changes our number
CLAIM_SIGNS: dict[ClaimVerdict, str] = {
    "holds": "✓",
    "holds with exceptions": "(✓)",
    "refuted": "✗",
    "cannot be told": "?",
}
_RELATIONS = {"<": "<", ">=": "≥", "~": "≈"}


def value(cell: Cell) -> str:
    """Our number, as a table shows it."""
    return number(cell.value, cell.unit, _places(cell))


def _places(cell: Cell) -> int:
    """Decimals of a per cent: one where the interval reaches a quarter of a point or more."""
    if cell.low is None or cell.high is None or (cell.n or 0) > 1000:
        return 2
    return 1 if cell.high - cell.low >= 0.005 else 2


def number(value: float | None, unit: str, places: int = 2) -> str:
    """A value in its unit; a fraction as per cent without the sign."""
    if value is None:
        return NOT_AVAILABLE
    if unit == "fraction":
        return _per_cent(value, places)
    if unit == "points":
        return f"{round(100 * value, places) + 0.0:+.{places}f}"  # + 0.0: never "-0.00"
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if unit == "rms":
        if 0 < abs(value) < 0.0001:
            return f"{value:.3g}"
        places = 2 - math.floor(math.log10(abs(value))) if value else 0
        return f"{value:.{max(4, places)}f}"  # three digits at least
    return f"{value:.4g}"


def _per_cent(value: float, digits: int) -> str:
    """Never 100 for what is less, nor 0 for what is more: a digit is added, up to five."""
    for places in range(digits, 6):
        text = f"{100 * value:.{places}f}"
        if value in (0.0, 1.0) or float(text) not in (0.0, 100.0):
            return text
    return "> 99.99999" if value > 0.5 else "< 0.00001"


def certainty(p: float) -> str:
    """A confidence in per cent, never rounded up: 99.996 % is not 100 %."""
    return f"{math.floor(1e4 * p) / 100:.2f} %"


def strength(claim: Claim) -> str:
    """'1 run of 256 images; it would take 3 failures to refute it'."""
    runs, images, refuted_by = claim.strength
    text = f"{runs} run{'s' * (runs != 1)}"
    if images is not None:
        text += f" of {images:,} image{'s' * (images != 1)}"
    return f"{text}; it would take {refuted_by} to refute it" if refuted_by else text


def sign(cell: Cell) -> str:
    """The mark of a cell's verdict."""
    if cell.verdict == "differs" and not cell.half_width:
        return BY_ROUNDING
    return SIGNS[cell.verdict]


def interval(cell: Cell) -> str:
    """'6.5–6.9', or nothing for a number without spread."""
    if cell.low is None or cell.high is None:
        return ""
    return _from_to((cell.low, cell.high), cell)


def range_of(ends: tuple[float, float], cell: Cell) -> str:
    """'[6.31, 7.02]', where a cell of a further seed may lie; a rate only between 0 and 100."""
    low, high = ends
    if cell.unit == "fraction":
        low, high = max(low, 0.0), min(high, 1.0)
    return f"[{number(low, cell.unit)}, {number(high, cell.unit)}]"


def seeds_range(ends: tuple[float, float], cell: Cell) -> str:
    """'6.5–6.9', between the reference's lowest and highest seed; one number where all agree."""
    low, high = (number(end, cell.unit, _places(cell)) for end in ends)
    return low if low == high else _from_to(ends, cell)


def _from_to(ends: tuple[float, float], cell: Cell) -> str:
    """'6.5–6.9'; ends that carry signs are apart, '-3.1 to +0.6'."""
    between = " to " if cell.unit == "points" else "–"
    return between.join(number(end, cell.unit, _places(cell)) for end in ends)


def published(cell: Cell) -> str:
    """The paper's number as it prints it."""
    if cell.published is None:
        return NOT_AVAILABLE
    found = quoted(cell)
    if found is None:  # a cell of a combined report, or of a table since changed
        return f"{scale(cell.unit) * cell.published:.6g}"
    relation, _, digits = found.text.partition(" ")
    return f"{_RELATIONS[relation]} {digits}" if relation in _RELATIONS else found.text


def ratio(cell: Cell) -> float | None:
    """Ours over the published."""
    return cell.value / cell.published if cell.value is not None and cell.published else None


def quoted(cell: Cell) -> Published | None:
    """The published number behind a cell."""
    if cell.source is None:
        return None
    found = look_in(cell.source, base(cell.row), cell.column)
    same = found and math.isclose(found.value, cell.published or 0.0, abs_tol=1e-12)
    return found if same else None


def base(row: str) -> str:
    """A row's name without the swept setting a combined report adds to it."""
    return row.partition(SETTING)[0]


def scale(unit: str) -> float:
    """What a value is multiplied with to be shown: of fractions, per cent and points are."""
    return 100.0 if unit in ("fraction", "points") else 1.0


def unit(cell: Cell) -> str:
    """The unit as a column heading says it."""
    return {"fraction": "%", "count": "", "rms": "RMS"}.get(cell.unit, cell.unit)


def column(name: str) -> str:
    """'test_error' -> 'test error'; the names of networks stay."""
    return name.replace("_", " ")
