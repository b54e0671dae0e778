"""Szegedy et al. 2014 and Nguyen et al. 2015, rebuilt and set beside the published numbers.

import reproduce

reproduce.fooling_image("LeNet", 3)
reproduce.adversarial_image("FC100-100-10", 3)
"""

from typing import Any

QUICK = ("adversarial_image", "fooling_image", "network")


def __getattr__(name: str) -> Any:
    """The calls of `reproduce.experiments.quick`, imported when they are asked for."""
    if name in QUICK:
        from reproduce.experiments import quick

        return getattr(quick, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
