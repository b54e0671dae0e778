"""The papers' methods: each takes a function from images to logits, and arrays.

attacks      adversarial examples: the paper's, and others that minimise a distance
evolution    fooling images by MAP-Elites: direct encoding and CPPN
ascent       fooling images by gradient ascent
units        single units and random directions in feature space
bounds       Lipschitz bounds by operator norms
text         evasion of text filters
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """`from reproduce.methods import adversarial`, imported when it is asked for."""
    if name == "adversarial":
        from reproduce.methods.attacks import adversarial

        return adversarial
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
