"""Keys of what is typed in, in a notebook or by `python -c`: no file holds its code."""

import importlib
import os
import subprocess
import sys
import textwrap
import types
from functools import partial

import pytest

from reproduce.runtime import code, recipe
from reproduce.runtime.store import key


@pytest.fixture
def typed(monkeypatch):
    """typed(text): the function `f` of a module without a file, as a notebook is."""

    def run(text):
        module = types.ModuleType("typed")
        monkeypatch.setitem(sys.modules, "typed", module)
        exec(textwrap.dedent(text), vars(module))
        return module.f

    return run


USES = {
    "itself": "f = lambda x: A * x",
    "in a comprehension": "def f(x): return [A * each for each in x]",
    "in a generator": "def f(x): return sum(A * each for each in x)",
    "in a lambda": "def f(x): return (lambda each: A * each)(x)",
    "in a function inside a function inside": """
        def f(x):
            def inner(y):
                return [A * each for each in y]
            return inner(x)
        """,
    "in a class inside": """
        def f(x):
            class Inner:
                factor = A
            return Inner.factor * x
        """,
    "in another function": """
        def other(x): return {each: A * each for each in x}
        def f(x): return [other(each) for each in x]
        """,
    "in a method": """
        class Other:
            def __call__(self, x): return A * x
        f = Other()
        """,
    "in a method of a class it calls": """
        class Other:
            @property
            def factor(self): return A
        def f(x): return Other().factor * x
        """,
    "in a class above": """
        class Above:
            def method(self, x): return A * x
        class Other(Above):
            def __call__(self, x): return self.method(x)
        f = Other()
        """,
    "as a class has it": """
        class Other:
            factor = A
            def __call__(self, x): return self.factor * x
        f = Other()
        """,
    "in a class made by a function": """
        def made(factor):
            class Other:
                def __call__(self, x): return factor * x
            return Other()
        f = made(A)
        """,
}


@pytest.mark.parametrize("use", USES)
def test_a_global_counts_wherever_a_function_uses_it(typed, use):
    text = textwrap.dedent(USES[use])
    two, again, three = (key(partial(typed(f"A = {a}\nB = 1\n{text}"), 1)) for a in (2, 2, 3))
    assert two == again != three
    assert key(partial(typed(f"A = 2\nB = 7\n{text}"), 1)) == two


MODULES = {
    "as a whole": "import parts.helper\ndef f(x): return parts.helper.g(x)",
    "by another name": "import parts.helper as h\ndef f(x): return [h.g(each) for each in x]",
    "from its package": "from parts import helper\ndef f(x): return helper.g(x)",
    "a function of it": "from parts.helper import g\ndef f(x): return g(x)",
    "inside": "def f(x):\n    from parts import helper\n    return helper.g(x)",
    "inside, a function of it": "def f(x):\n    from parts.helper import g\n    return g(x)",
    "inside, as a whole": "def f(x):\n    import parts.helper\n    return parts.helper.g(x)",
    "by a module of its own": "import mine\ndef f(x): return mine.g(x)",
}


@pytest.fixture
def forget(monkeypatch):
    """Forgets the modules of a test, now and at its end."""
    monkeypatch.setattr(code, "_roots", {})

    def now():
        for name in ("parts", "parts.helper", "mine"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        for cached in (code._source, code._module, code._only_reexports):
            cached.cache_clear()

    yield now
    now()


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("how", MODULES)
def test_a_module_counts_however_a_function_comes_by_it(
    typed, forget, how, loaded, tmp_path, monkeypatch
):
    """Also where it is imported by the call only, after the key was asked for."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/__init__.py").touch()
    (tmp_path / "mine.py").write_text("from parts.helper import g\n")
    keys = []
    for text in ("x + 1", "x + 1  # more", "x + 22"):
        (tmp_path / "parts/helper.py").write_text(f"def g(x): return {text}\n")
        forget()
        if loaded:
            importlib.import_module("parts.helper")
        call = partial(typed(MODULES[how]), 1)
        assert "parts.helper" in recipe.of(call).code
        keys.append(key(call))
    assert keys[0] == keys[1] != keys[2]


def test_a_module_that_stands_for_another_counts(typed):
    text = "import {} as m\ndef f(x): return m.sqrt(x)"
    assert key(partial(typed(text.format("math")), 1)) != key(
        partial(typed(text.format("cmath")), 1)
    )


def test_a_key_is_the_same_in_every_process():
    """Texts have another order in a set of each process."""
    program = textwrap.dedent("""
        from dataclasses import dataclass
        from functools import partial
        from typing import NamedTuple
        import numpy as np
        from reproduce.runtime.store import key
        class Record(NamedTuple):
            a: int = 1
        @dataclass
        class Data:
            a: int = 1
        def f(x, least=np.float32(2)):
            record, data = Record(), Data()
            known = [each in {"aa", "bb", "cc", "dd"} for each in x]
            return known if known[0] not in {("a", 1), ("b", 2), ("c", 3)} else np.sum(known)
        print(key(partial(f, Record(2))), key(partial(f, Data(2))), key(partial(f, Data(3))))
    """)
    told = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in range(4)
    }  # fmt: skip
    assert len(told) == 1
    assert len(set(told.pop().split())) == 3
