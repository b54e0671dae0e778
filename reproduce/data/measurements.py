"""Tables of measurements that come with scikit-learn: rows of numbers, no images.

Breast cancer (569 rows of 30 features, 2 classes), wine (178, 13, 3) and the 8 x 8 digits (1,797,
64, 10), each from the UCI repository.
"""

from __future__ import annotations

import numpy as np

from reproduce.data.examples import Examples, read_only
from reproduce.runtime.errors import UserError

NAMES = ("breast cancer", "wine", "digits, 8 x 8")


def measurements(name: str, seed: int) -> tuple[Examples, Examples]:
    """One half of the rows to learn from and the other to test.

    Every feature is scaled to [0, 1] by its range in the first half, and cut off there.

    Args:
        name: one of NAMES.
        seed: of the halves, which hold the classes in equal shares.

    Returns:
        Examples, images float32 (n, features, 1, 1), labels int64 (n,).

    Raises:
        UserError: for any other name.
    """
    if name not in NAMES:
        raise UserError(f"no table {name!r} of measurements: {'; '.join(NAMES)}.")
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    load = (datasets.load_breast_cancer, datasets.load_wine, datasets.load_digits)
    rows, labels = load[NAMES.index(name)](return_X_y=True)
    halves = train_test_split(rows, labels, test_size=0.5, random_state=seed, stratify=labels)
    train, test, train_labels, test_labels = halves
    low, high = train.min(axis=0), train.max(axis=0)
    width = np.where(high > low, high - low, 1.0)

    def examples(some: np.ndarray, of_class: np.ndarray) -> Examples:
        scaled = np.clip((some - low) / width, 0, 1).astype(np.float32)
        return read_only(scaled[:, :, None, None], of_class.astype(np.int64))

    return examples(train, train_labels), examples(test, test_labels)
