"""A table as LaTeX for booktabs: ours, the published number in brackets."""

from __future__ import annotations

from reproduce.report import printing
from reproduce.report.results import Cell, Results
from reproduce.report.tables import grid


def table(results: Results, name: str) -> str:
    """A `table` for `\\usepackage{booktabs}`: the published number in brackets."""
    layout, laid = results.artefacts[name], grid(results.of(name))
    texts = [f"{layout.title.rstrip('.')}.", layout.caption, f"{results.made_with}."]
    caption = " ".join(_tex(text) for text in texts if text)
    caption += " Published numbers in brackets; $^{\\ast}$ differs from it at 5\\,\\%, "
    caption += "$^{\\dagger}$ by its rounding alone, $^{?}$ too wide to tell."
    lines = [
        "% \\usepackage{booktabs}",
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{caption}}}",
        f"  \\label{{tab:{_label(name)}}}",
        f"  \\begin{{tabular}}{{l{'r' * len(laid.columns)}}}",
        "    \\toprule",
        "    & " + " & ".join(_tex(laid.heading(column)) for column in laid.columns) + " \\\\",
        "    \\midrule",
    ]
    for row in laid.rows:
        cells = [laid.cells.get((row, column)) for column in laid.columns]
        texts = [_tex_cell(cell, results.combined) for cell in cells]
        first = _tex(" ".join(row.splitlines()))
        first = f"{{}}{first}" if first.startswith("[") else first  # no argument of the last \\\\
        lines.append(f"    {first} & " + " & ".join(texts) + " \\\\")
    lines += ["    \\bottomrule", "  \\end{tabular}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def _tex_cell(cell: Cell | None, combined: bool) -> str:
    """Over several runs with half of the interval: 6.73 +- 0.05."""
    if cell is None:
        return printing.NOT_AVAILABLE
    text = _tex(printing.value(cell))
    if combined and cell.low is not None and cell.high is not None:
        half = cell._replace(value=(cell.high - cell.low) / 2)
        text = f"${text} \\pm {printing.value(half).lstrip('<+ ')}$"
    text += _TEX_MARKS.get(printing.sign(cell), "")
    return text + (f" ({_tex(printing.published(cell))})" if cell.published is not None else "")


_TEX_MARKS = {"≠": "$^{\\ast}$", "≢": "$^{\\dagger}$", "?": "$^{?}$", "°": "$^{\\circ}$"}
_TEX = {
    "\\": "\\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "≥": "$\\geq$",
    "≤": "$\\leq$",
    "×": "$\\times$",
    "±": "$\\pm$",
    "−": "$-$",
    "²": "$^2$",
    "‖": "$\\|$",
    "→": "$\\to$",
    "λ": "$\\lambda$",
    "τ": "$\\tau$",
    "σ": "$\\sigma$",
    "ε": "$\\epsilon$",
    "ρ": "$\\rho$",
    "Δ": "$\\Delta$",
    "“": "``",
    "”": "''",
    "’": "'",
    "≈": "$\\approx$",
    "≠": "$\\neq$",
    "·": "$\\cdot$",
    "–": "--",
    "—": "---",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, sign) for sign in text)


def _label(name: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in name)
