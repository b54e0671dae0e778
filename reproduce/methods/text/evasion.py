"""Getting a message past a text filter by asking it, and by nothing else.

Good words (Lowd & Meek 2005, "Good word attacks on statistical spam filters"): the message stays
as it is, and words of an ordinary text that passes are appended until the filter lets the whole
pass; then as many as possible are taken away again. Every look at the filter's answer is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Blocked = Callable[[Sequence[str]], np.ndarray]


class Evasion(NamedTuple):
    """What became of one message.

    passed: whether a version with the whole message in it passed.
    first: questions until a version passed; questions: in all, the shortening included.
    added: words in the shortened version that the message had not; its text.
    """

    passed: bool
    first: int
    questions: int
    added: int
    text: str


def good_words(
    blocked: Blocked, message: str, ordinary: Sequence[str], *, questions: int = 300
) -> Evasion:
    """Appends words until the message passes.

    Args:
        blocked: texts -> bool, asked with one text at a time.
        ordinary: words in the order in which they are tried.
        questions: at most.
    """
    asked = 0

    def passes(words: Sequence[str]) -> bool:
        nonlocal asked
        asked += 1
        return not blocked([" ".join([message, *words])])[0]

    if passes(()):
        return Evasion(True, asked, asked, 0, message)
    enough = 1
    while asked < questions and not passes(ordinary[:enough]):
        if enough >= len(ordinary):
            return Evasion(False, asked, asked, 0, message)
        enough *= 2
    if asked >= questions:
        return Evasion(False, asked, asked, 0, message)
    first, too_few = asked, enough // 2
    while enough - too_few > 1 and asked < questions:
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if passes(ordinary[:middle]) else (enough, middle)
    kept = _shortened(list(ordinary[:enough]), passes, lambda: asked < questions)
    return Evasion(True, first, asked, len(kept), " ".join([message, *kept]))


def _shortened(
    words: list[str], passes: Callable[[Sequence[str]], bool], may_ask: Callable[[], bool]
) -> list[str]:
    """Leaves out runs of words, long ones first, wherever the rest still passes."""
    run = len(words) // 2
    while run >= 1 and may_ask():
        start = 0
        while start < len(words) and may_ask():
            rest = words[:start] + words[start + run :]
            if passes(rest):
                words = rest
            else:
                start += run
        run //= 2
    return words
