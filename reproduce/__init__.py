"""Szegedy et al. 2014 and Nguyen et al. 2015, rebuilt and set beside the published numbers.

import reproduce

reproduce.fooling_image("LeNet", 3)
reproduce.adversarial_image("FC100-100-10", 3)
"""

from importlib import import_module
from typing import Any

HOMES = {"adversarial_image": "quick", "fooling_image": "quick", "network": "named"}


def __getattr__(name: str) -> Any:
    """The calls that need no configuration, imported when they are asked for."""
    if name in HOMES:
        return getattr(import_module(f"reproduce.experiments.{HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
