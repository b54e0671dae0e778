"""Which options change no number; the one list for addresses, settings and reports.

conf/config.yaml repeats it for Hydra, in `hydra.job.config.override_dirname`.
"""

from __future__ import annotations

# Where and how a run goes.
PRACTICAL = (
    "only", "threads", "outputs", "store", "released", "tensorboard", "engine", "workers", "plan",
)  # fmt: skip
DATA = ("dataset", "photographs")  # results name the data themselves, with their digest
# Of these, where the data lie, and whether something else may stand in for them.
PLACES_OF_DATA = ("dataset.path", "dataset.strict", "photographs")
