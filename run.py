"""Rebuilds the papers' tables, figures and claims:  python run.py experiment=szegedy

The only file that knows Hydra: it composes conf/, makes the calls that conf/ names, and hands
them to reproduce.experiments. Results go to outputs/<experiment>/<dataset>/<scale>/seed=<n>/.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As joblib gives its jobs: sums of several threads differ in their last digits from those of one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["HYDRA_FULL_ERROR"] = (
    "1"  # Hydra hands its errors on, and `cli_help.explain_error` words them
)

import hydra
from filelock import FileLock
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from reproduce.runtime import cli_help, sweep
from reproduce.runtime.calls import made
from reproduce.runtime.cores import CORES, bind
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import chart_to, log_to, say

ROOT = Path(__file__).parent
LONGEST_NAME = 200  # bytes of a folder's name; file systems end at 255
USAGE = """\
Rebuilds the tables, figures and claims of the papers, each number beside the published one.

  python run.py experiment=szegedy                        Szegedy et al. 2014, all of it
  python run.py experiment=szegedy only=[table1,figure7]  some of its artefacts
  python run.py experiment=szegedy scale=smoke            the same code on less, about a minute
  python run.py experiment=szegedy dataset=mnist_5k seed=1 attack.tau=16
  python run.py experiment=szegedy --cfg job              every value that can be set, explained

  python run.py -m experiment=szegedy only=[table1] seed=0,1,2       a sweep, then one report
  python run.py -m +sweep=weight_decay                    a sweep that conf/sweep/ describes
  ... hydra/launcher=joblib hydra.launcher.n_jobs=2       its jobs in processes, two at a time
  ... hydra/launcher=submitit_slurm                       its jobs on a cluster

  python -m reproduce.report --compare RUN RUN            which numbers moved beyond their noise
  eval "$(python run.py -sc install=bash)"                completes options (zsh: install=zsh)

Results go to outputs/<experiment>/<dataset>/<scale>/seed=<n>/, and outputs/latest leads to the
last ones. A stopped run or sweep goes on where it was by the same command.
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
    chosen = HydraConfig.get().runtime.choices
    if chosen.experiment is None:
        known = " ".join(f"experiment={name}" for name in cli_help.names("experiment"))
        raise UserError(f"which experiment? {known}.\n\n{USAGE}")
    if sweep.STARTER in os.environ and "Joblib" in HydraConfig.get().launcher._target_:
        sweep.end_with_starter()
    sys.path.append(os.getcwd())  # where modules of one's own may be, as for python -m
    _start_tensorflow(cfg)

    from reproduce.data import subsample
    from reproduce.experiments import Context, perform
    from reproduce.report.run import Header, Run
    from reproduce.runtime.store import Store

    warnings.showwarning = lambda message, *_: say(f"[yellow]{escape(str(message))}[/]")
    whole = made(cfg.dataset)
    dataset = subsample(whole, cfg.examples, cfg.seed)
    artefacts = made(cfg.artefacts)
    folder = _address(cfg, dataset.name)
    folder.mkdir(parents=True, exist_ok=True)
    folder_is(folder)
    charts = folder / "tensorboard" if cfg.tensorboard else None
    with FileLock(folder / ".lock"), log_to(folder / "run.log"), chart_to(charts):
        context = Context(
            dataset=dataset,
            networks=made(cfg.networks),
            seed=cfg.seed,
            store=Store(cfg.store),
        )
        header = Header(
            experiment=chosen.experiment,
            dataset=dataset.name,
            data_source=dataset.source,
            data_digest=dataset.digest,
            scale=chosen.scale,
            seed=cfg.seed,
            # The halves on photographs bring their own; the others are about MNIST.
            papers_data=dataset.name == "mnist" or chosen.experiment.endswith("_imagenet"),
        )
        config = OmegaConf.to_container(cfg, resolve=True)
        with Run(
            folder, header, config=config, departures=departures(cfg, len(whole.train.labels))
        ) as kept:
            perform(artefacts, context, kept, only=cfg.only)
    if sweep.VARIABLE not in os.environ:
        _latest(folder)


def departures(cfg: DictConfig, images: int) -> list[str]:
    """From the paper: those of the experiment, and those of this configuration.

    Args:
        images: how many the data set has for training.
    """
    told = [*(cfg.get("departures") or ())]
    if cfg.examples not in (None, images):
        told.append(f"Trained on {cfg.examples:,} of the {images:,} training images.")
    if cfg.networks.get("_target_", "").endswith("saved_by_keras"):
        of = cfg.networks.path or f"keras.applications.{cfg.networks.name}"
        told.append(f"In the place of the paper's networks: {of}.")
    return told


def _start_tensorflow(cfg: DictConfig) -> None:
    """Imports it without its greetings; global seeds; threads, on this job's share of the cores."""
    threads = cfg.threads or len(CORES)
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
    if sweep.VARIABLE in os.environ:
        bind(Path(os.environ[sweep.VARIABLE]), _share_of_the_cores())
    with contextlib.suppress(RuntimeError):  # a process that already ran a job keeps its threads
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def _share_of_the_cores() -> int:
    """Of one job, by its launcher; all of them where a cluster gives each job its own."""
    launcher = HydraConfig.get().launcher
    if launcher._target_.endswith("LocalLauncher"):  # submitit's: every job at once
        return launcher.cpus_per_task or 1
    jobs = launcher.get("n_jobs", 1)  # of the joblib launcher; -1 is every core
    together = min(jobs, len(CORES)) if jobs > 0 else len(CORES)
    return max(1, len(CORES) // together)


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
    chosen = HydraConfig.get().runtime.choices
    experiment = f"sweeps/{chosen.sweep}" if "sweep" in chosen else chosen.experiment
    folder = Path(cfg.outputs, experiment, dataset, chosen.scale, f"seed={cfg.seed}")
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


def show_help() -> None:
    """What can be typed."""
    print(USAGE + cli_help.listing())


def show_config(words: list[str]) -> None:
    """The composed configuration with the comments of the files that it comes from."""
    config = _composed(words)
    chosen = OmegaConf.to_container(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    print(cli_help.explained(OmegaConf.to_yaml(config), chosen))


def options_at_hand() -> list[str]:
    """Every option of the configuration that was being composed."""
    from reproduce.report.sweep import flat

    groups = ("experiment", "networks", "+sweep")
    config = _composed([word for word in sys.argv[1:] if word.split("=")[0] in groups])
    leaves = [key.split(".") for key in flat(OmegaConf.to_container(config, resolve=False))]
    return [".".join(leaf[:depth]) for leaf in leaves for depth in range(1, len(leaf) + 1)]


def _composed(words: list[str]) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(cli_help.CONF), version_base="1.3"):
        return compose("config", overrides=words, return_hydra_config=True)


if __name__ == "__main__":
    if {"--help", "-h"} & set(sys.argv):
        show_help()
        sys.exit(0)
    try:
        if [word for word in sys.argv[1:] if "=" not in word] == ["--cfg", "job"]:
            show_config([word for word in sys.argv[1:] if "=" in word])
            sys.exit(0)
        sys.exit(run_sweep() if {"-m", "--multirun"} & set(sys.argv) else main())
    except InstantiationException:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        print(cli_help.explain_error(str(error), options_at_hand), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here.", file=sys.stderr)
        sys.exit(130)
