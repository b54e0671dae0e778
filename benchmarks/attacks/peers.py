"""The attacks of adv-lib, Foolbox and ART, on the network in PyTorch, as their authors set them.

A package that is not installed has no contestants; `missing` names it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.attacks.records import Contestant, Found, Impossible, Problem, within

PACKAGES = {
    "adv-lib": "adv_lib",
    "foolbox": "foolbox",
    "adversarial-robustness-toolbox": "art",
}


def missing() -> list[str]:
    """Packages that are not installed."""
    needed = {**PACKAGES, "torch": "torch"}
    return [name for name, module in needed.items() if importlib.util.find_spec(module) is None]


def contestants() -> list[Contestant]:
    absent = missing()
    if "torch" in absent:
        return []
    makers = {
        "adv-lib": _of_adv_lib,
        "foolbox": _of_foolbox,
        "adversarial-robustness-toolbox": _of_art,
    }
    found = []
    for name, maker in makers.items():
        if name not in absent:
            found += maker(f"{name} {importlib.metadata.version(name)}")
    return found


def _of_adv_lib(package: str) -> list[Contestant]:
    settings = {
        "ALMA": "alpha .9 (.5 below 300 steps), first step .1, as in the authors' MNIST script",
        "DDN": "no quantisation, gamma .05, first norm 1",
        "FMN": "step 1, gamma .05",
        "PDGD": "by default",
    }
    both = [
        Contestant(
            f"{name} (adv-lib)", package, wants, text,
            partial(_by_adv_lib, name=name, targeted=wants == "targets"),
        )
        for wants in ("targets", "labels")
        for name, text in settings.items()
    ]  # fmt: skip
    return [
        *both,
        Contestant("DeepFool (adv-lib)", package, "labels", "steps = budget / (classes - 1)",
                   partial(_by_adv_lib, name="DeepFool", targeted=False)),
        Contestant("SuperDeepFool (adv-lib)", package, "labels",
                   "steps = budget / 65, at least 2, else by default",
                   partial(_by_adv_lib, name="SuperDeepFool", targeted=False)),
    ]  # fmt: skip


def _of_foolbox(package: str) -> list[Contestant]:
    return [
        Contestant("DDN (Foolbox)", package, "targets", "first norm 1, gamma .05",
                   partial(_by_foolbox, name="DDN", wants="targets")),
        Contestant("Brendel-Bethge (Foolbox)", package, "targets",
                   "trust region 1e-3 of an image (the package multiplies by the batch: divided "
                   "out), from a training image of the target",
                   partial(_by_foolbox, name="BB", wants="targets"), most=32, compiled=True),
        Contestant("DeepFool (Foolbox)", package, "labels", "10 candidates, steps = budget / 10",
                   partial(_by_foolbox, name="DeepFool", wants="labels")),
    ]  # fmt: skip


def _of_art(package: str) -> list[Contestant]:
    return [
        Contestant("Carlini-Wagner (ART)", package, "targets", "9 searches for c (3 at 30), rate "
                   ".01, first constant .01", partial(_by_art, name="CarliniL2Method"), most=64),
        Contestant("ElasticNet (ART)", package, "targets", "9 searches for c (3 at 30), beta "
                   "1e-3, rate .01, decision by the euclidean distance",
                   partial(_by_art, name="ElasticNet"), most=64),
    ]  # fmt: skip


def _measured(problem: Problem, attack: Callable[[Any, Any], Any]) -> Found:
    """Runs an attack, a function of network and images as PyTorch has both."""
    import torch

    from benchmarks.attacks.in_torch import Counter, twin

    torch.manual_seed(0)
    network = twin(problem.network)
    network.counter = Counter()
    found = attack(network, torch.tensor(problem.images.transpose(0, 3, 1, 2).copy()))
    array = np.asarray(found.detach() if hasattr(found, "detach") else found, np.float32)
    count = len(problem.images)
    return Found(
        array.transpose(0, 2, 3, 1), network.counter.gradients / count,
        network.counter.forwards / count,
    )  # fmt: skip


def _adv_lib() -> Any:
    """Its attacks. Visdom and torchvision, which it imports for other ends, may be absent."""
    stand_ins = {}
    for name in ("visdom", "torchvision"):
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            stand_ins[name] = types.ModuleType(name)
            stand_ins[name].models = None  # type: ignore[attr-defined]
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module("adv_lib.attacks")
    finally:
        for name in stand_ins:
            del sys.modules[name]


def _by_adv_lib(problem: Problem, budget: int, *, name: str, targeted: bool) -> Found:
    import torch

    attacks = _adv_lib()
    classes = problem.network.output_shape[-1]
    labels = torch.tensor(problem.targets if targeted else problem.labels)
    of_each: dict[str, tuple[str, dict[str, Any]]] = {
        "ALMA": ("alma", {"num_steps": budget, "distance": "l2", "α": 0.9 if budget >= 300 else 0.5,
                          "init_lr_distance": 1.0 if problem.of_photographs else 0.1}),
        "DDN": ("ddn", {"steps": budget, "levels": None}),
        "FMN": ("fmn", {"steps": budget, "norm": 2}),
        "PDGD": ("pdgd", {"num_steps": budget}),
        "DeepFool": ("df", {"steps": max(1, budget // (classes - 1))}),
        "SuperDeepFool": ("sdf", {"steps": max(2, budget // 65)}),
    }  # fmt: skip
    if "DeepFool" in name:  # the other takes two steps at least
        within(budget, (classes - 1) * (2 if name == "SuperDeepFool" else 1))
    function, options = of_each[name]
    attack = getattr(attacks, function)
    return _measured(
        problem,
        lambda network, images: attack(network, images, labels, targeted=targeted, **options),
    )


def _by_foolbox(problem: Problem, budget: int, *, name: str, wants: str) -> Found:
    import foolbox
    import torch

    targeted = wants == "targets"
    labels = torch.tensor(problem.targets if targeted else problem.labels)
    kind = foolbox.criteria.TargetedMisclassification if targeted else foolbox.Misclassification
    options: dict[str, Any] = {}
    if name == "DDN":
        attack = foolbox.attacks.DDNAttack(steps=budget)
    elif name == "DeepFool":
        attack = foolbox.attacks.L2DeepFoolAttack(steps=max(1, budget // 10))
    else:
        if problem.starts is None:
            raise Impossible("no image of each target class to start from")
        rate = 1e-3 / len(problem.images)
        attack = foolbox.attacks.L2BrendelBethgeAttack(steps=budget, lr=rate)
        starts = torch.tensor(problem.starts.transpose(0, 3, 1, 2).copy())
        options["starting_points"] = starts

    def run(network: Any, images: Any) -> Any:
        model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
        return attack.run(model, images, kind(labels), **options)

    return _measured(problem, run)


def _by_art(problem: Problem, budget: int, *, name: str) -> Found:
    """A step takes two gradients, of two logits; their difference is one, and is counted as one."""
    import torch
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    searches = 3 if budget < 90 else 9
    options: dict[str, Any] = {"binary_search_steps": searches, "max_iter": budget // searches}
    if name == "ElasticNet":
        options["decision_rule"] = "L2"
    classes = problem.network.output_shape[-1]
    asked = 0

    def run(network: Any, images: Any) -> Any:
        classifier = PyTorchClassifier(
            network, torch.nn.CrossEntropyLoss(), tuple(images.shape[1:]), classes,
            clip_values=(0.0, 1.0), device_type="cpu",
        )  # fmt: skip
        gradient = classifier.class_gradient

        def counted(x: np.ndarray, *arguments: Any, **keywords: Any) -> np.ndarray:
            nonlocal asked
            asked += len(x)
            return gradient(x, *arguments, **keywords)

        classifier.class_gradient = counted
        # In a batch each distinct target takes a gradient of all images, and photographs have many.
        batch = 1 if problem.of_photographs else len(images)
        attack = getattr(evasion, name)(
            classifier, targeted=True, verbose=False, batch_size=batch, **options
        )
        return attack.generate(images.numpy(), np.eye(classes, dtype=np.float32)[problem.targets])

    return _measured(problem, run)._replace(gradients=asked / 2 / len(problem.images))
