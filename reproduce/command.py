"""The command: python run.py experiment=szegedy, or reproduce experiment=szegedy.

The only file that knows Hydra: it composes conf/, makes the calls that conf/ names, and hands
them to reproduce.experiments. Results go to outputs/<experiment>/<dataset>/<scale>/seed=<n>/.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As joblib gives its jobs: sums of several threads differ in their last digits from those of one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Hydra hands its errors on, and `cli_help.explain_error` words them.
os.environ["HYDRA_FULL_ERROR"] = "1"

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from reproduce.runtime import cli_help, cores, memory, options, sweep, typed
from reproduce.runtime.addresses import point_latest, run_folder
from reproduce.runtime.calls import made
from reproduce.runtime.errors import UserError
from reproduce.runtime.files import locked
from reproduce.runtime.overruled import overruled
from reproduce.runtime.places import CONF, RELEASED, ROOT
from reproduce.runtime.progress import chart_to, discard_output, log_to, say
from reproduce.runtime.stopping import AGAIN, as_stop, stop_on_signals

USAGE = """\
Rebuilds the tables, figures and claims of the papers, each number beside the published one.

  python run.py experiment=szegedy                                 Szegedy et al. 2014, all of it
  python run.py experiment=szegedy 'only=[table1,figure7]'        some of its artefacts
  python run.py experiment=szegedy scale=smoke                    the same code on less
  python run.py experiment=szegedy dataset=mnist_5k seed=1 attack.tau=16
  python run.py experiment=szegedy engine=local workers=2         its pieces two at a time
  python run.py experiment=szegedy scale=paper --plan             its pieces, and what they cost
  python run.py experiment=szegedy --cfg job                      every value, explained

  python run.py -m experiment=szegedy 'only=[table1]' seed=0,1,2  a sweep, then one report
  python run.py -m +sweep=weight_decay                            a sweep of conf/sweep/
  ... hydra/launcher=joblib hydra.launcher.n_jobs=2               in processes, two at a time
  ... hydra/launcher=submitit_slurm                               its jobs on a cluster

  python -m reproduce.report --compare RUN RUN                    which numbers moved
  eval "$(python run.py -sc install=bash)"                        completes options (zsh too)

Results go to outputs/<experiment>/<dataset>/<scale>/seed=<n>/, and outputs/latest leads to the
last ones. A stopped run or sweep goes on where it was by the same command.
"""


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def main(cfg: DictConfig) -> None:
    """One run, alone or as a job of a sweep."""
    job = ",".join(HydraConfig.get().overrides.task)
    if sweep.has_ended(job):
        return
    try:
        with sweep.job(job) as folder_is:
            run(cfg, folder_is)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def run(cfg: DictConfig, folder_is: Callable[[Path, Path], None]) -> None:
    """A data set, networks, and an experiment's artefacts, made one after the other."""
    chosen = _chosen()
    if chosen.experiment is None:
        known = " ".join(f"experiment={name}" for name in cli_help.names("experiment"))
        raise UserError(f"which experiment? {known}.\n\n{USAGE}")
    words = list(HydraConfig.get().overrides.task)
    options.check(cfg, words)
    listed = list(cfg.artefacts)
    for line in overruled(cfg, words, options.chosen(cfg.only, listed) or listed):
        say(escape(line))
    engine = made(cfg.engine)
    engine.check()
    threads = cfg.threads or len(cores.CORES)
    sys.path.append(os.getcwd())  # where modules of one's own may be, as for python -m
    cores.start_tensorflow(cfg.seed, threads)
    if sweep.JOBS_FILE_ENV in os.environ:
        cores.bind(Path(os.environ[sweep.JOBS_FILE_ENV]), _cores_of_a_job())

    from reproduce.data import subsample
    from reproduce.experiments import Context, perform
    from reproduce.experiments.plan import show
    from reproduce.report.run import Header, Run
    from reproduce.runtime.engines import opened
    from reproduce.runtime.planning import Planned

    warnings.showwarning = lambda message, *_: say(f"[yellow]{escape(str(message))}[/]")
    whole = made(cfg.dataset)
    image = math.prod(whole.train.images.shape[1:])
    memory.give_back(image)
    dataset = subsample(whole, cfg.examples, cfg.seed)
    artefacts = made(cfg.artefacts)
    released = RELEASED if cfg.released else None
    if cfg.plan:
        planned = Planned(cfg.store, released)
        show(artefacts, Context(dataset, made(cfg.networks), cfg.seed, planned), cfg.only)
        return
    folder = _address(cfg, dataset.name)
    folder.mkdir(parents=True, exist_ok=True)
    folder_is(folder, Path(cfg.outputs))
    charts = folder / "tensorboard" if cfg.tensorboard else None
    waiting = f"another run of the same settings fills {folder}: this one waits for its end."
    with (
        locked(folder / ".lock", waiting),
        log_to(folder / "run.log"),
        chart_to(charts),
        opened(cfg.store, released, engine, seed=cfg.seed, threads=threads, image=image) as store,
    ):
        context = Context(dataset=dataset, networks=made(cfg.networks), seed=cfg.seed, store=store)
        header = Header(
            experiment=chosen.experiment,
            dataset=dataset.name,
            data_source=dataset.source,
            data_digest=dataset.digest,
            scale=chosen.scale,
            seed=cfg.seed,
            papers_data=is_papers_data(dataset, chosen.experiment),
        )
        config = OmegaConf.to_container(cfg, resolve=True)
        assert isinstance(config, dict)
        resolved = {str(key): value for key, value in config.items()}
        resolved["settings"] = options.settings(cfg, words)
        if by_functions := context.by_functions():
            resolved["by_functions"] = by_functions
        told = [*departures(cfg, len(whole.train.labels)), *options.departures(cfg, words)]
        with Run(folder, header, config=resolved, departures=told) as kept:
            perform(artefacts, context, kept, only=cfg.only)
    if sweep.JOBS_FILE_ENV not in os.environ:
        point_latest(Path(cfg.outputs), folder)


def is_papers_data(dataset: Any, experiment: str) -> bool:
    """MNIST, or in a half on photographs those of ImageNet's classes, where it looks at any."""
    if not experiment.endswith("_imagenet"):
        return dataset.name == "mnist"
    return dataset.name == "photographs" or (len(dataset.names), dataset.classes) == (1000, 1000)


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


def _chosen() -> Any:
    """The file taken of each folder of conf/."""
    return HydraConfig.get().runtime.choices


def _cores_of_a_job() -> int:
    """By the launcher; all of them where a cluster gives each job its own."""
    launcher = HydraConfig.get().launcher
    match HydraConfig.get().runtime.choices["hydra/launcher"]:
        case "joblib":
            return cores.share(launcher.n_jobs)
        case "submitit_local":  # every job at once
            return launcher.cpus_per_task or 1
        case _:
            return len(cores.CORES)


def run_sweep() -> int:
    """All jobs of a sweep, then what failed, then one report over the rest."""
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)  # for jobs that start a Python of their own
    jobs = sweep.run(_launch)
    for job in jobs:
        if job.failure:
            say(f"failed: {escape(job.options)}: {escape(job.failure)}")
    done = [job for job in jobs if not job.failure]
    if len(done) > 1:
        from reproduce.report.__main__ import over_many

        for page in over_many([Path(job.folder) for job in done], apart=True):
            point_latest(Path(done[0].outputs), page.parent)
    return 1 if len(done) < len(jobs) else 0


def _launch() -> None:
    GlobalHydra.instance().clear()  # of an attempt before
    main()


def _address(cfg: DictConfig, dataset: str) -> Path:
    """Where results of this configuration always go; other settings get a folder of their own."""
    chosen = _chosen()
    experiment = ["sweeps", chosen.sweep] if "sweep" in chosen else [chosen.experiment]
    parts = [*experiment, dataset, chosen.scale, f"seed={cfg.seed}"]
    settings = HydraConfig.get().job.override_dirname
    return run_folder(Path(cfg.outputs), *parts, settings=settings)


def show_help() -> None:
    """What can be typed."""
    print(USAGE + cli_help.listing())


def show_config(words: list[str]) -> None:
    """The composed configuration with the comments of the files that it comes from."""
    config = options.composed(words)
    chosen = {str(key): value for key, value in config.hydra.runtime.choices.items()}
    with open_dict(config):
        del config["hydra"]
    print(cli_help.explained(OmegaConf.to_yaml(config), chosen))


def printed(show: Callable[[], None]) -> None:
    """Text that may be cut off, as by `| head`: nothing was begun that could go on."""
    try:
        show()
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()


def command(words: list[str]) -> int:
    """What the words of a command line ask for; the exit code."""
    if {"--help", "-h"} & set(words):
        printed(show_help)
    elif [word for word in words if "=" not in word] == ["--cfg", "job"]:
        printed(lambda: show_config([word for word in words if "=" in word]))
    elif {"-m", "--multirun"} & set(words):
        return run_sweep()
    else:
        main()
    return 0


def entry() -> int:
    """The command line; the exit code."""
    stop_on_signals()
    sys.argv[1:] = words = ["plan=true" if word == "--plan" else word for word in sys.argv[1:]]
    try:
        typed.check(words)
        sys.argv[1:] = words = typed.flags_last(words)
        return command(words)
    except InstantiationException:
        raise
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except (HydraException, OmegaConfBaseException) as error:
        told = cli_help.explain_error(str(error), words, lambda: options.names(words))
        print(told, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, OSError) as error:
        stop = as_stop(error)
        if stop is None:
            raise
        discard_output()
        print(f"{stop.reason}; {AGAIN}", file=sys.stderr)
        return stop.code
