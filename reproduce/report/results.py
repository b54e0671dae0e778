"""What a run found, as records; `results_json` writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AND = " / "  # between versions that differ from run to run
SETTING = " · "  # between a row and a swept setting: "FC10(1) · images=64"
Verdict = Literal["consistent", "differs", "unpublished", "other data", "too wide"]
ClaimVerdict = Literal["holds", "holds with exceptions", "refuted", "cannot be told"]


class Cell(NamedTuple):
    """One number of a table, beside the one the paper prints. Made by `cells.Cells`.

    value: a fraction for rates; None where it could not be computed.
    unit: "fraction", "points" (a difference of two fractions), "rms" (root mean square per pixel,
        pixels in [0, 1]), "count", "norm", ...
    low, high: 95 % interval; None where nothing varies.
    n: the number of images (or runs) behind the value.
    published: in the same unit as the value.
    source: "paper/artefact" in which the published number was looked up.
    runs: over how many runs the value is a mean; 1 where `n` counts images.
    half_width: the difference from the published number that the verdict could have seen.
    missing: images without a value; then no verdict is given.
    log_odds: whether it is a confidence, which is judged by its log-odds.
    same_images: whether a run with another seed has the very same images.
    """

    artefact: str
    row: str
    column: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    n: int | None = None
    published: float | None = None
    published_status: str | None = None
    verdict: Verdict = "unpublished"
    source: str | None = None
    runs: int = 1
    half_width: float | None = None
    missing: int = 0
    log_odds: bool = False
    same_images: bool = False


class Strength(NamedTuple):
    """How much a claim's verdict rests on.

    runs: trained networks, splits, seeds or searches, whichever the claim is about.
    images: in each run; None where no images are behind the numbers.
    refuted_by: what it would have taken to refute the claim with so many.
    """

    runs: int
    images: int | None
    refuted_by: str


class Claim(NamedTuple):
    """A sentence the paper argues for, and whether the numbers of this run bear it out.

    evidence: one line with the numbers.
    artefact: filled in by the run.
    check: whether it follows from theory, so that it tests the code and is no finding.
    any_data: whether the sentence is about no data set of its own.
    """

    id: str
    sentence: str
    verdict: ClaimVerdict
    evidence: str
    strength: Strength
    artefact: str = ""
    check: bool = False
    any_data: bool = False


def answer(true: bool | np.bool_ | None, *numbers: float | np.ndarray) -> ClaimVerdict:
    """Yes, no, or None where it cannot be told, as a claim's verdict.

    Args:
        numbers: that the answer was taken from; with a NaN among them it cannot be told, since
            every comparison with NaN is false.
    """
    true = known(true)
    if true is None or missing(*numbers):
        return "cannot be told"
    return "holds" if true else "refuted"


def known(told: bool | np.bool_ | float | None) -> bool | None:
    """Yes, no, or None where it cannot be told; NaN, which counts as true in Python, is None."""
    return None if told is None or told != told else bool(told)


def missing(*numbers: float | np.ndarray) -> int:
    """How many of the numbers are NaN; None is one of them."""
    return sum(int(np.isnan(np.asarray(each, float)).sum()) for each in numbers)


def resting_on(claim: Claim, *numbers: float | np.ndarray) -> Claim:
    """The claim; where NaN is among the numbers that it rests on, untold, with their count."""
    count = missing(*numbers)
    if not count:
        return claim
    total = sum(np.size(each) for each in numbers)
    return claim._replace(
        verdict="cannot be told",
        evidence=f"{count} of the {total} numbers that it rests on are missing. {claim.evidence}",
    )


class Artefact(NamedTuple):
    """A table, figure or claim of a paper, as an experiment returns it.

    figures: name -> matplotlib figure; the name becomes the file's.
    files: path in `figures/` -> content, for what is no matplotlib figure; a page shows GIFs, and
        pages of their own.
    notes: what a reader of the table needs to know, one sentence each.
    departures: where it was made differently from the paper's, one sentence each.
    """

    title: str
    caption: str = ""
    cells: Sequence[Cell] = ()
    claims: Sequence[Claim] = ()
    figures: Mapping[str, Figure] = MappingProxyType({})
    files: Mapping[str, bytes] = MappingProxyType({})
    notes: Sequence[str] = ()
    departures: Sequence[str] = ()


class Layout(NamedTuple):
    """What a page shows of an artefact besides its cells and claims.

    figures: names of the files in `figures/`, without ending where it is .png.
    """

    title: str
    caption: str = ""
    notes: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


class Results(NamedTuple):
    """All of a run, or of several that are combined."""

    experiment: str
    dataset: str
    data_source: str
    data_digest: str
    scale: str
    seeds: tuple[int, ...]
    versions: dict[str, str]
    started: str
    seconds: dict[str, float]  # by artefact
    cells: tuple[Cell, ...]
    claims: tuple[Claim, ...]
    not_run: dict[str, str]  # artefact -> reason
    departures: tuple[str, ...]
    artefacts: dict[str, Layout]
    combined: bool = False
    papers_data: bool = True  # whether the data are those of the paper

    def of(self, artefact: str) -> tuple[Cell, ...]:
        """The cells of one artefact."""
        return tuple(cell for cell in self.cells if cell.artefact == artefact)

    def claims_of(self, artefact: str) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.artefact == artefact)

    @property
    def fallback(self) -> bool:
        """Whether the small subset stands in for MNIST, which every heading has to say."""
        return self.dataset == "mnist_5k"

    @property
    def data_title(self) -> str:
        if self.fallback:
            return "mnist_5k (the 5,000-image subset, not the full MNIST)"
        return self.dataset

    @property
    def made_with(self) -> str:
        """Data set, scale and seed, as every heading says them."""
        seeds = ", ".join(map(str, self.seeds))
        return f"{self.data_title} · scale {self.scale} · seed{'s' * self.combined} {seeds}"


def joined_versions(each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Of several runs: every version once, those of one package behind each other."""
    found: dict[str, dict[str, None]] = {}
    for versions in each:
        for package, version in versions.items():
            found.setdefault(package, {}).update(dict.fromkeys(version.split(AND)))
    return {package: AND.join(version) for package, version in found.items()}
