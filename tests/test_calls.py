"""A wrong argument in the configuration is the user's mistake; a bug behind it is ours."""

import pytest
from hydra.errors import InstantiationException

from reproduce.runtime.calls import made
from reproduce.runtime.errors import UserError

HERE = __name__


class Record(tuple):
    """Made at once."""

    def __new__(cls, first, second=2):
        return super().__new__(cls, (first, second))


def load(path, labels="label"):
    if path == "broken":
        raise TypeError("load() got an unexpected keyword argument 'labels'")  # from inside
    return path, labels


def anything(**options):
    return options


@pytest.mark.parametrize(
    ("node", "line"),
    [
        ({"path": 1, "label": 2}, f"{HERE}.load takes no argument label: the nearest is labels."),
        ({"path": 1, "zzz": 2}, f"{HERE}.load takes no argument zzz: it takes path, labels."),
        ({"labels": 1}, f"{HERE}.load needs the argument path."),
        ({"path": {"_target_": f"{HERE}.load", "pth": 1}}, "load takes no argument pth: the near"),
        ({"path": [{"_target_": f"{HERE}.load", "pth": 1}]}, "load takes no argument pth"),
        ({"path": {"_target_": f"{HERE}.Record"}}, f"{HERE}.Record needs the argument first."),
    ],
)
def test_an_argument_that_is_not_taken_names_the_nearest(node, line):
    with pytest.raises(UserError) as told:
        made({"_target_": f"{HERE}.load", **node})
    assert line in str(told.value)
    assert "\n" not in str(told.value)


def test_what_fits_is_called_and_what_is_inside_is_called_later():
    path, labels = made(
        {"_target_": f"{HERE}.load", "path": {"_target_": f"{HERE}.load", "labels": 3}}
    )
    assert labels == "label"
    assert path(path=1) == (1, 3)
    assert made({"_target_": f"{HERE}.anything", "a": 1}) == {"a": 1}


def test_a_type_error_inside_a_function_stays_one():
    with pytest.raises(InstantiationException) as told:
        made({"_target_": f"{HERE}.load", "path": "broken"})
    assert isinstance(told.value.__cause__, TypeError)
