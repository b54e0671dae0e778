"""Rebuilds the papers' tables, figures and claims:  python run.py experiment=szegedy

The only file that knows Hydra: it composes conf/, makes the calls that conf/ names, and hands
them to reproduce.experiments. Results go to outputs/<experiment>/<dataset>/<scale>/seed=<n>/.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Sums of several threads differ in their last digits from those of one; joblib gives its jobs one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands its errors on, and `explain` words them

import hydra
from filelock import FileLock
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from reproduce import sweep
from reproduce.errors import UserError
from reproduce.progress import chart_to, log_to, say

ROOT = Path(__file__).parent
CONF = ROOT / "conf"
LONGEST_NAME = 200  # bytes of a folder's name; file systems end at 255
USAGE = """\
Rebuilds the tables, figures and claims of the papers, each number beside the published one.

  python run.py experiment=szegedy                        Szegedy et al. 2014, all of it
  python run.py experiment=szegedy only=[table1,figure7]  some of its artefacts
  python run.py experiment=szegedy scale=smoke            the same code on less, about a minute
  python run.py experiment=szegedy dataset=mnist_5k seed=1 attack.tau=16
  python run.py -m experiment=szegedy only=[table1] seed=0,1,2     a sweep
  python run.py experiment=szegedy --cfg job              the whole configuration, and do nothing

Any value of the configuration can be set on the command line. --hydra-help tells the rest.
"""


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """One run, alone or as a job of a sweep."""
    options = ",".join(HydraConfig.get().overrides.task)
    if sweep.has_ended(options):
        return
    try:
        with sweep.job(options) as folder_is:
            run(cfg, folder_is)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def run(cfg: DictConfig, folder_is: Callable[[Path], None]) -> None:
    """A data set, networks, and an experiment's artefacts, made one after the other."""
    choices = HydraConfig.get().runtime.choices
    if choices.experiment is None:
        raise UserError(f"which experiment? {_choices('experiment')}.\n\n{USAGE}")
    if sweep.STARTER in os.environ and "Joblib" in HydraConfig.get().launcher._target_:
        sweep.end_with_starter()
    _start_tensorflow(cfg)

    from reproduce.data import fewer
    from reproduce.experiments import Setting, perform
    from reproduce.report.run import Header, Run
    from reproduce.store import Store

    warnings.showwarning = lambda message, *_: say(f"[yellow]{escape(str(message))}[/]")
    whole = _made(cfg.dataset)
    dataset = fewer(whole, cfg.examples, cfg.seed)
    departures = [*(cfg.get("departures") or ())]
    if dataset is not whole:
        departures.append(
            f"Trained on {cfg.examples:,} of the {len(whole.train.labels):,} training images."
        )
    artefacts = _made(cfg.artefacts)
    folder = _address(cfg, dataset.name)
    folder.mkdir(parents=True, exist_ok=True)
    folder_is(folder)
    charts = folder / "tensorboard" if cfg.tensorboard else None
    with FileLock(folder / ".lock"), log_to(folder / "run.log"), chart_to(charts):
        setting = Setting(
            dataset=dataset,
            networks=_made(cfg.networks),
            seed=cfg.seed,
            store=Store(cfg.store),
        )
        header = Header(
            experiment=choices.experiment,
            dataset=dataset.name,
            data_source=dataset.source,
            data_digest=dataset.digest,
            scale=choices.scale,
            seed=cfg.seed,
        )
        config = OmegaConf.to_container(cfg, resolve=True)
        with Run(folder, header, config=config, departures=departures) as kept:
            perform(artefacts, setting, kept, only=cfg.only)
    if sweep.VARIABLE not in os.environ:
        _latest(folder)


def _made(node: DictConfig) -> Any:
    """The calls that a part of the configuration names; a user's mistake in it as a UserError."""
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        if isinstance(error.__cause__, TypeError):  # an argument that the function does not have
            raise UserError(f"{error.__cause__}") from error
        raise


def _start_tensorflow(cfg: DictConfig) -> None:
    """Imports it without its greetings; global seeds; this job's share of the cores."""
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras
        import tensorflow as tf
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
    keras.utils.set_random_seed(cfg.seed)
    threads = cfg.threads or _share_of_the_cores()
    with contextlib.suppress(RuntimeError):  # a process that already ran a job keeps its threads
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def _share_of_the_cores() -> int:
    """Of one job, by its launcher."""
    launcher = HydraConfig.get().launcher
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if launcher._target_.endswith("LocalLauncher"):  # submitit's: every job at once
        return launcher.cpus_per_task or 1
    jobs = launcher.get("n_jobs", 1)  # of the joblib launcher; -1 is every core
    together = min(jobs, cores or 1) if jobs > 0 else cores or 1
    return max(1, (cores or 1) // together)


def run_sweep() -> int:
    """All jobs of a sweep, then what failed, then one report over the rest."""
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)  # for jobs that start a Python of their own
    jobs = sweep.run(ROOT / "outputs" / "sweeps" / f"{os.getpid()}.jsonl", _launch)
    for job in jobs:
        if job.failure:
            say(f"failed: {escape(job.options)}: {escape(job.failure)}")
    folders = [Path(job.folder) for job in jobs if not job.failure]
    if len(folders) > 1:
        from reproduce.report.__main__ import over_many

        for page in over_many(folders, apart=True):
            _latest(page.parent)
    return 1 if any(job.failure for job in jobs) else 0


def _launch() -> None:
    GlobalHydra.instance().clear()  # of an attempt before
    main()


def _address(cfg: DictConfig, dataset: str) -> Path:
    """Where results of this configuration always go; other settings get a folder of their own."""
    choices = HydraConfig.get().runtime.choices
    experiment = f"sweeps/{choices.sweep}" if "sweep" in choices else choices.experiment
    folder = Path(cfg.outputs, experiment, dataset, choices.scale, f"seed={cfg.seed}")
    settings = re.sub(r"[^\w.,=+()-]+", "_", HydraConfig.get().job.override_dirname)
    if len(settings) > LONGEST_NAME:
        digest = hashlib.sha256(settings.encode()).hexdigest()[:12]
        settings = f"{settings[: LONGEST_NAME - 13]}_{digest}"
    return folder / settings if settings else folder


def _latest(folder: Path) -> None:
    """outputs/latest leads to what was made last."""
    latest = ROOT / "outputs" / "latest"
    aside = latest.with_name(f".latest{os.getpid()}")
    with contextlib.suppress(OSError):  # where there are no symbolic links
        aside.symlink_to(folder.resolve())
        aside.replace(latest)


def _choices(group: str) -> str:
    names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    return " ".join(f"{group}={name}" for name in names)


def show_help() -> None:
    """What can be typed, read from conf/."""
    print(USAGE)
    for group in ("experiment", "dataset", "networks", "scale"):
        print(f"{group}:")
        for path in sorted((CONF / group).glob("*.yaml")):
            first = path.read_text().splitlines()
            comment = next(
                (line[2:] for line in first if line.startswith("# ") and "@" not in line), ""
            )
            print(f"  {group}={path.stem:<20} {comment}")
            if group == "experiment":
                artefacts = OmegaConf.load(path).get("artefacts", {})
                print(f"      only=[{','.join(map(str, artefacts))}]")


def explain(error: Exception) -> str:
    """One line for what a user typed wrong, with the nearest known option."""
    text = str(error)
    unknown = re.search(r"Could not (?:override|find|load) '([^'\s]+)'", text)
    if unknown is None:
        return " ".join(text.split())
    name = unknown[1].removesuffix(".yaml")
    group, _, choice = name.rpartition("/")
    if group and (CONF / group).is_dir():
        known, name = [path.stem for path in (CONF / group).glob("*.yaml")], choice
        what = f"{group}={choice} is not known"
    else:
        known, what = _options(), f"there is no option {name}"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"the nearest is {near[0]}" if near else "python run.py --help lists them"
    return f"{what}: {hint}."


def _options() -> list[str]:
    """Every option of the configuration that was being composed."""
    from hydra import compose, initialize_config_dir

    GlobalHydra.instance().clear()
    chosen = [word for word in sys.argv[1:] if word.split("=")[0] in ("experiment", "networks")]
    with initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
        config = compose("config", overrides=chosen)
    names: list[str] = []

    def walk(node: object, prefix: str) -> None:
        for key, value in node.items() if isinstance(node, dict) else ():
            names.append(f"{prefix}{key}")
            walk(value, f"{prefix}{key}.")

    walk(OmegaConf.to_container(config, resolve=False), "")
    return names


if __name__ == "__main__":
    if {"--help", "-h"} & set(sys.argv):
        show_help()
        sys.exit(0)
    try:
        sys.exit(run_sweep() if {"-m", "--multirun"} & set(sys.argv) else main())
    except InstantiationException:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        print(explain(error), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here.", file=sys.stderr)
        sys.exit(130)
