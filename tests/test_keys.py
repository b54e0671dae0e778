"""What changes the key of a result, and what does not."""

import importlib
import sys
import textwrap
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import pytest

from reproduce.experiments.szegedy import density
from reproduce.methods.attacks.adversarial import nearest
from reproduce.methods.evolution import colour
from reproduce.runtime import code, recipe
from reproduce.runtime.errors import UserError
from reproduce.runtime.store import Store, key

ATTACK = "reproduce.methods.attacks"
CONSTANT = "\nADDED = 1\n"


class Pair(NamedTuple):
    first: int
    second: int


class Other(NamedTuple):
    first: int
    second: int


class Scaled:
    """A callable with state."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, images):
        return images * self.factor

    def method(self, images):
        return images


def identity(value):
    return value


def times(factor):
    return lambda images: images * factor


@pytest.fixture
def edit(monkeypatch):
    """edit(module, old, new): the package's code as if a line of it had been another one."""

    def forget():
        code._source.cache_clear()
        code._module.cache_clear()
        code._only_reexports.cache_clear()

    def change(module, old, new):
        source = code._AT_START[module]
        text = source.text.decode()
        assert old in text
        changed = text.replace(old, new) if old else text + new
        monkeypatch.setitem(code._AT_START, module, source._replace(text=changed.encode()))
        forget()

    yield change
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize(
    ("call", "module", "old", "new", "changes"),
    [
        (nearest, f"{ATTACK}.c_search", "", CONSTANT, True),
        (nearest, f"{ATTACK}.lbfgsb", "1e-4", "1e-3", True),
        (nearest, f"{ATTACK}.c_search", '"""\n\n', ' More."""\n\n', False),  # of docstrings
        (nearest, f"{ATTACK}.c_search", "", "# a comment\n", False),
        (nearest, f"{ATTACK}.adversarial", "images: Array", "images: Any", False),
        (nearest, "reproduce.report.page", "", CONSTANT, False),
        (nearest, "reproduce.runtime.progress", "", CONSTANT, False),
        (nearest, "reproduce.methods.ascent", "", CONSTANT, False),  # not reached
        (colour.rgb, "reproduce.methods.evolution.colour", "3", "4", True),
    ],
)
def test_the_key_changes_with_the_code_that_a_call_reaches(edit, call, module, old, new, changes):
    before = key(partial(identity, partial(call)))
    edit(module, old, new)
    assert (key(partial(identity, partial(call))) != before) == changes


def test_all_functions_in_a_call_take_part(edit):
    calls = [partial(identity, colour.rgb), partial(identity, {"a": [partial(colour.rgb)]})]
    before = list(map(key, calls))
    edit("reproduce.methods.evolution.colour", "3", "4")
    assert all(key(call) != old for call, old in zip(calls, before, strict=True))


def test_a_store_says_why_a_result_is_made_again(edit, tmp_path, capsys):
    call = partial(describe, nearest)
    assert Store(tmp_path).cached(call) == "nearest"
    edit(f"{ATTACK}.c_search", "", CONSTANT)
    assert Store(tmp_path).cached(call) == "nearest"
    assert f"describe is made again: {ATTACK}.c_search changed." in capsys.readouterr().out


def describe(function):
    return function.__name__


def test_a_digest_is_that_of_the_syntax_tree():
    one = '"""Doc."""\nx: int = 1\ndef f(a: int) -> str:\n    "doc"\n    return a + x  # why\n'
    same = "x: float = 1\n\n\ndef f(a):\n    return (\n        a + x\n    )\n"
    assert code.digest(one) == code.digest(same)
    others = [
        same.replace("= 1", "= 2"), same.replace("= 1", "= 1.0"), same.replace("+", "-"),
        same.replace("a", "b"), same.replace("x: float = 1", "x = [1]"), "s[1:]", "s[:1]",
        'y = "doc"\n', 'y = "other"\n',
    ]  # fmt: skip
    assert len({code.digest(text) for text in [same, *others]}) == len(others) + 1


def test_imports_are_followed_wherever_they_stand(tmp_path, monkeypatch):
    """Inside functions, of a module from its package, relative ones, and those of packages."""
    files = {
        "mine.py": "def f():\n    from parts import one\n    import helpers\n",
        "helpers.py": "import numpy\n",
        "parts/__init__.py": "from . import two\n",
        "parts/one.py": "from .deep.three import x\nfrom reproduce.methods import ascent\n",
        "parts/two.py": "",
        "parts/deep/__init__.py": "",
        "parts/deep/three.py": "x = 1\n",
        "parts/unused.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("mine")
    reached = set(code.reached(["mine"]))
    own = {name for name in reached if not name.startswith("reproduce")}
    assert own == {
        "mine", "helpers", "parts", "parts.one", "parts.two", "parts.deep", "parts.deep.three"
    }  # fmt: skip
    assert "reproduce.methods.ascent" in reached
    assert not any(name.startswith(code.EXCEPTED) for name in reached)


def test_training_does_not_depend_on_how_data_are_found():
    reached = code.reached(["reproduce.training.descent", f"{ATTACK}.adversarial"])
    assert [name for name in reached if name.startswith("reproduce.data")] == [
        "reproduce.data.examples"
    ]
    assert "reproduce.data.download" in code.reached(["reproduce.data.idx"])


def test_a_package_that_only_reexports_counts_for_those_who_import_from_it(edit):
    assert "reproduce.data" not in code.reached(["reproduce.data.examples"])
    assert "reproduce.data" in code.reached(["reproduce.experiments.quick"])
    edit("reproduce.data", "", CONSTANT)
    assert "reproduce.data" in code.reached(["reproduce.data.examples"])


def test_callables_are_known_by_their_state():
    values = [
        times(2), times(3), lambda x: x + 1, lambda x: x + 2, Scaled(2), Scaled(3),
        Scaled(np.arange(2)), Scaled(2).method, np.tanh, np.sinh, Pair(1, 2), Other(1, 2), (1, 2),
    ]  # fmt: skip
    keys = [key(partial(identity, value)) for value in values]
    assert len(set(keys)) == len(keys)
    assert key(partial(identity, times(2))) == keys[0]
    assert key(partial(identity, Scaled(2))) == keys[4]
    factor = Scaled(2)
    factor.factor = 3
    assert key(partial(identity, factor)) == keys[5]


def test_a_function_that_calls_itself_has_a_key():
    def outer(n):
        return outer(n - 1) if n else 0

    assert key(partial(identity, outer))


@pytest.mark.parametrize("value", [{1, 2}, Scaled({3}), iter([1]), np.random.default_rng(0)])
def test_what_cannot_be_told_apart_is_refused_in_one_line(value):
    with pytest.raises(UserError, match=r"cannot tell one .* from another") as refusal:
        key(partial(identity, value))
    assert "\n" not in str(refusal.value)


# --- models


def dense(name=None, **options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name=name, **options)])
    model.layers[0].set_weights([np.arange(6.0).reshape(3, 2), np.ones(2)])
    return model


def wired(skip):
    """Two dense layers; the second sees the first, plus the input or the first once more."""
    inputs = keras.Input((3,))
    first = keras.layers.Dense(3)
    hidden = first(inputs)
    joined = keras.layers.Add()([hidden, inputs if skip else hidden])
    model = keras.Model(inputs, keras.layers.Dense(3)(joined))
    weights = np.random.default_rng(0)
    model.set_weights([weights.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def model_key(model):
    return key(partial(identity, model))


def test_a_model_is_known_by_what_it_computes_not_by_its_names(tmp_path):
    model = dense()
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    assert model_key(other) == model_key(model) == model_key(dense("other"))
    other.layers[0].kernel.assign_add(np.full((3, 2), 1e-6, np.float32) * np.eye(3, 2))
    half = dense(dtype="mixed_float16")
    tanh = dense(activation="tanh")
    assert len(set(map(model_key, [model, other, half, tanh, dense(activation="relu")]))) == 5


def test_models_that_are_wired_otherwise_have_other_keys(tmp_path):
    one, other = wired(skip=True), wired(skip=False)
    assert [len(w) for w in one.get_weights()] == [len(w) for w in other.get_weights()]
    assert model_key(one) != model_key(other)
    for model in (one, other):
        model.save(tmp_path / "model.keras")
        assert model_key(keras.models.load_model(tmp_path / "model.keras")) == model_key(model)
        assert model_key(keras.Sequential([keras.Input((3,)), model])) != model_key(model)


def test_several_inputs_are_told_apart():
    def minus(swapped):
        one, two = keras.Input((3,)), keras.Input((3,))
        return keras.Model(
            [one, two], keras.layers.Subtract()([two, one] if swapped else [one, two])
        )

    assert model_key(minus(True)) != model_key(minus(False))


def test_models_that_cut_their_input_are_told_apart(tmp_path):
    cuts = [lambda x: x[:, 0:4], lambda x: x[:, 1:5], lambda x: x[:, 0:4:2], lambda x: x[..., 0]]
    keys = []
    for cut in cuts:
        images = keras.Input((6, 6))
        model = keras.Model(images, cut(images))
        model.save(tmp_path / "model.keras")
        keys.append(model_key(model))
        assert model_key(keras.models.load_model(tmp_path / "model.keras")) == keys[-1]
    assert len(set(keys)) == len(keys)
    assert key(partial(identity, range(3))) != key(partial(identity, range(4)))


CUSTOM = """
import keras

def helper(x):
    return x * 2

class Custom(keras.layers.Layer):
    def call(self, x):
        return helper(x) + 3
"""


def custom(tmp_path, text, layer="Custom()"):
    """A model with a layer of a user's module that reads so."""
    name = f"custom{len(list(tmp_path.iterdir()))}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    try:
        module = importlib.import_module(name)
        sys.modules["custom"] = module  # under one name, as an edited file has
        vars(module)["__name__"] = "custom"
        module.Custom.__module__ = "custom"
        code._source.cache_clear()
        code._module.cache_clear()
        return model_key(keras.Sequential([keras.Input((4, 3)), eval(layer, vars(module))]))
    finally:
        del sys.modules["custom"]


def test_a_layer_of_ones_own_enters_by_its_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    first = custom(tmp_path, CUSTOM)
    assert custom(tmp_path, CUSTOM.replace("call(self, x):", "call(self, x):  # adds")) == first
    assert custom(tmp_path, CUSTOM.replace("+ 3", "+ 4")) != first
    assert custom(tmp_path, CUSTOM.replace("* 2", "* 4")) != first
    inside = "keras.layers.TimeDistributed(Custom())"
    edited = CUSTOM.replace("+ 3", "+ 4")
    assert custom(tmp_path, CUSTOM, inside) != custom(tmp_path, edited, inside)
    wrapped = CUSTOM + "\nrelu = keras.layers.Activation(helper)\n"
    changed = wrapped.replace("* 2", "* 4")
    assert custom(tmp_path, wrapped, "relu") != custom(tmp_path, changed, "relu")


def test_a_layer_of_ones_own_enters_by_what_it_holds():
    class Times(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, x):
            return x * self.factor

    def of(factor):
        return keras.Sequential([keras.Input((3,)), Times(factor)])

    assert model_key(of(2)) == model_key(of(2)) != model_key(of(3))
    model = of(2)
    model.layers[0].factor = iter([1])
    with pytest.raises(UserError, match="attribute factor: the store cannot tell"):
        model_key(model)


def test_a_layer_without_a_configuration_enters_by_what_it_holds():
    """Keras answers NotImplementedError where an argument is no plain value and none is written."""

    class Table(keras.layers.Layer):
        def __init__(self, factors):
            super().__init__()
            self.factors = factors

        def call(self, x):
            return x * self.factors

    def of(last):
        layer = Table(np.array([1.0, 2.0, last], np.float32))
        with pytest.raises(NotImplementedError):
            layer.get_config()
        return keras.Sequential([keras.Input((3,)), layer])

    assert model_key(of(2)) == model_key(of(2)) != model_key(of(3))


def test_a_subclassed_model_is_known_by_its_layers_and_code():
    class Two(keras.Model):
        def __init__(self, activation):
            super().__init__()
            self.first = keras.layers.Dense(2, activation=activation, kernel_initializer="ones")

        def call(self, x):
            return self.first(x)

    def of(activation):
        model = Two(activation)
        model(np.ones((1, 3)))
        return model

    assert model_key(of("relu")) == model_key(of("relu")) != model_key(of("tanh"))


def test_a_whole_process_spends_little_on_its_keys():
    """Every module of ours is read once; asking again costs next to nothing."""
    everything = [name for name in code._AT_START if code.is_ours(name)]
    digests = code.reached(everything)
    assert len(digests) > 100
    assert recipe.of(partial(nearest)).code.items() <= digests.items()
    assert not any(name.startswith(code.EXCEPTED) for name in digests)


def test_functions_with_other_defaults_are_told_apart():
    def adding(what):
        return lambda x, more=what, *, last=0: x + more

    def ending(what):
        return lambda x, more=0, *, last=what: x + more

    values = [adding(1), adding(2), ending(1), ending(2)]
    assert len({key(partial(identity, value)) for value in values}) == 4
    assert key(partial(identity, adding(1))) == key(partial(identity, values[0]))


def test_a_report_is_no_part_of_what_an_experiment_computes(edit):
    """`density` imports the cells of a table; its noise does not depend on them."""
    call = partial(identity, density.changed_by_noise)
    before = key(call)
    edit("reproduce.report.cells", "", CONSTANT)
    assert key(call) == before
    edit("reproduce.networks.forward", "", CONSTANT)
    assert key(call) != before
