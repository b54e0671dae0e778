"""Pages on which a reader looks into what was found: self-contained, with or without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from reproduce.report.page import TEMPLATES

DIGITS = 6  # of a probability


class Changed(NamedTuple):
    """Images made for one network, and what every network says of them.

    images: float (n, height, width, channels) in [0, 1]; NaN where none was found.
    targets: int (n,), the labels they were made for.
    distortion: float (n,), root mean square per pixel; NaN where none was found.
    after: network -> float (n, classes), probabilities.
    """

    images: np.ndarray
    targets: np.ndarray
    distortion: np.ndarray
    after: Mapping[str, np.ndarray]


class Snapshots(NamedTuple):
    """An archive of champions as it fills up.

    generations: (m,), of the snapshots.
    images: uint8 (m, classes, height, width, channels).
    confidence: float (m, classes).
    """

    generations: Sequence[int]
    images: np.ndarray
    confidence: np.ndarray


def attack_page(
    title: str,
    caption: str,
    originals: np.ndarray,
    labels: np.ndarray,
    before: Mapping[str, np.ndarray],
    made_for: Mapping[str, Changed],
) -> bytes:
    """Original, change and result of every image, with all networks' probabilities.

    Args:
        originals: float (n, height, width, channels) in [0, 1]; labels: int (n,), true ones.
        before: network -> float (n, classes), probabilities of the originals.
        made_for: network -> what was made for it.
    """
    found = [~np.isnan(each.distortion) for each in made_for.values()]
    data = {
        "shape": originals.shape[1:],
        "labels": labels.tolist(),
        "networks": list(before),
        "sources": list(made_for),
        "originals": _bytes(originals),
        "changed": [_bytes(each.images) for each in made_for.values()],
        "found": [kept.tolist() for kept in found],
        "targets": [each.targets.tolist() for each in made_for.values()],
        "distortion": [
            np.round(np.nan_to_num(each.distortion), DIGITS).tolist() for each in made_for.values()
        ],
        "before": [_rounded(each) for each in before.values()],
        "after": [
            [_rounded(each.after[network]) for network in before] for each in made_for.values()
        ],
    }
    return _page("explorer_attack", title, caption, data)


def evolution_page(title: str, caption: str, found: Mapping[str, Snapshots]) -> bytes:
    """A slider over the generations of each row."""
    shape = next(iter(found.values())).images.shape[2:]
    data = {
        "shape": shape,
        "rows": [
            {
                "name": name,
                "generations": list(each.generations),
                "images": _bytes(each.images / 255),
                "confidence": _rounded(each.confidence),
            }
            for name, each in found.items()
        ],
    }
    return _page("explorer_evolution", title, caption, data)


def _page(template: str, title: str, caption: str, data: Mapping[str, Any]) -> bytes:
    page = TEMPLATES.get_template(f"{template}.html")
    return page.render(title=title, caption=caption, data=data).encode()


def _bytes(images: np.ndarray) -> str:
    """Images in [0, 1] as bytes in base64; black where there is none."""
    whole = np.round(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)
    return base64.b64encode(whole.tobytes()).decode()


def _rounded(values: np.ndarray) -> Any:
    return np.round(np.nan_to_num(np.asarray(values, np.float64)), DIGITS).tolist()
