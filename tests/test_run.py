"""The command line: what a user typed wrong ends with one line that helps, and exit code 2."""

import json
import os
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from reproduce.command import departures
from reproduce.runtime import cli_help, typed
from reproduce.runtime.places import CONF


def run(*words, **environment):
    done = subprocess.run(
        [sys.executable, "run.py", *words],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=900,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["experiment=szegdy"], "experiment=szegdy is not known: the nearest is szegedy."),
        (
            ["experiment=szegedy", "dataset=fashion"],
            "dataset=fashion is not known: the nearest is fashion_mnist.",
        ),
        (
            ["experiment=szegedy", "datset=mnist"],
            "there is no option datset: the nearest is dataset.",
        ),
        (["experiment=szegedy", "sed=1"], "there is no option sed: the nearest is seed."),
        (
            ["experiment=szegedy", "attack.taus=3"],
            "there is no option attack.taus: the nearest is attack.tau.",
        ),
    ],
)
def test_an_unknown_option_names_the_nearest_known_one(words, line):
    assert run(*words) == (2, "", line + "\n")


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("a=1 -m b=1,2", "a=1 b=1,2 -m"),
        ("a=1 --multirun b=1", "a=1 b=1 --multirun"),
        ("a=1 --config-dir x=y b=1", "a=1 b=1 --config-dir x=y"),
        ("a=1 --cfg job --package c b=1", "a=1 b=1 --cfg job --package c"),
        ("a=1 --info b=1", "a=1 b=1 --info"),
        ("--info defaults b=1", "b=1 --info defaults"),
        ("-sc install=bash", "install=bash -sc"),
    ],
)
def test_flags_of_hydras_may_stand_anywhere(words, ordered):
    assert typed.flags_last(words.split()) == ordered.split()


def test_a_sweep_may_be_asked_for_in_the_middle(tmp_path):
    code, text, error = run(
        "experiment=szegedy", f"outputs={tmp_path}", "only=[none]", "-m", "seed=0,1"
    )
    assert (code, error) == (1, "")
    assert text.count("failed: ") == 2


def test_without_an_experiment_it_says_what_to_type():
    code, _, error = run()
    assert code == 2
    assert error.startswith("which experiment?")
    assert "python run.py experiment=szegedy" in error


def test_help_lists_every_choice():
    code, text, _ = run("--help")
    assert code == 0
    for choice in (
        "experiment=szegedy",
        "dataset=mnist_5k",
        "networks=",
        "scale=paper",
        "table1",
        "+sweep=width",
        "threads=",
    ):
        assert choice in text


@pytest.mark.parametrize("words", ["--help", "experiment=szegedy --cfg job"])
def test_help_that_is_cut_off_ends_without_a_word(words):
    command = f"{sys.executable} run.py {words} | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=300)
    assert len(done.stdout) == 1
    assert done.stderr == ""


def test_the_configuration_explains_itself_and_is_the_one_that_runs():
    """The comments apart, it is what Hydra composes."""
    words = ["experiment=szegedy", "scale=smoke", "dataset=folder", "attack.tau=4"]
    code, text, _ = run(*words, "--cfg", "job")
    assert code == 0
    assert "seed: 0  # of weights, target labels, noise and evolution [0, 4294967295]\n" in text
    assert "    images: 32  # attacked per network; " in text
    assert "  size: null  # scaled to this, 28 or a list [28,28]; null takes " in text
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=words)
    assert OmegaConf.create(text) == config
    assert config.attack.tau == 4


def test_what_a_user_changed_is_listed_as_a_departure():
    words = ["experiment=nguyen", "networks=keras", "networks.path=mine.keras", "examples=1000"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config, usual = compose("config", overrides=words), compose("config", overrides=words[:1])
    assert departures(config, 4000) == [
        *departures(usual, 4000),
        "Trained on 1,000 of the 4,000 training images.",
        "In the place of the paper's networks: mine.keras.",
    ]


def test_comments_belong_to_their_keys():
    text = (
        "# of the file\na: 1 # one\nb:\n- c: 2 # in a list\n  d:\n  - e\n"
        "'f (g)': 3 # with a space\n"
        "h: {i: 4} # of h\n  # of nothing\nj:\n  k: '#' # sharp\n"
    )
    assert cli_help.comments(text) == {
        "a": "one", "b.0.c": "in a list", "f (g)": "with a space", "h": "of h", "j.k": "sharp",
    }  # fmt: skip


def test_a_foreign_data_file_and_a_mistyped_artefact_are_refused_in_one_line(tmp_path):
    foreign = tmp_path / "foreign.npz"
    foreign.write_bytes(b"something else")
    outputs = f"outputs={tmp_path}"
    code, _, error = run("experiment=szegedy", f"dataset.path={foreign}", outputs)
    assert code == 2
    assert error.startswith(f"{foreign} cannot be read as mnist")
    assert error.count("\n") == 1
    code, _, error = run("experiment=szegedy", "dataset=mnist_5k", "only=[tabel1]", outputs)
    assert code == 2
    assert error.startswith("no artefact tabel1: the nearest is table1; there are ")
    assert error.count("\n") == 1


def test_a_sweep_reports_a_failed_job_and_goes_on(tmp_path):
    code, text, error = run(
        "-m", "experiment=szegedy", "dataset=mnist_5k", "scale=smoke", f"outputs={tmp_path}",
        "only=[figure7],[no_such_artefact]", "seed=3", "networks=lenet",
    )  # fmt: skip
    assert code == 1, error
    assert "failed: " in text
    assert "no artefact no_such_artefact" in text
    folder = tmp_path / "szegedy" / "mnist_5k" / "smoke" / "seed=3" / "networks=lenet"
    results = json.loads((folder / "results.json").read_text())
    assert list(results["artefacts"]) == ["figure7"]
    assert (folder / "figures" / "figure7.png").stat().st_size > 10_000
    assert results["cells"]


SMALL = {  # the attack; training by gradient descent and evolution, which differ with threads
    "szegedy": (
        "experiment=szegedy", "networks=decay", "+networks.FC10.network.units=[50]", "only=[table1]"
    ),
    "nguyen": ("experiment=nguyen", "only=[figure4]"),
}  # fmt: skip


def small(experiment, outputs, *words):
    """Runs it, and returns the cells of seed 1 and what was printed."""
    less = "scale=smoke", "dataset=mnist_5k", f"outputs={outputs}"
    code, text, error = run(*words, *SMALL[experiment], *less)
    assert code == 0, error
    (path,) = outputs.glob(f"{experiment}/mnist_5k/smoke/seed=1/**/results.json")
    return json.loads(path.read_text())["cells"], text


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The cells of runs by themselves, with all cores and a store of their own."""
    return {name: small(name, tmp_path_factory.mktemp(name), "seed=1")[0] for name in SMALL}


@pytest.mark.parametrize(
    ("launcher", "experiment"),
    [("joblib", "szegedy"), ("joblib", "nguyen"), ("submitit_local", "nguyen")],
)
def test_a_seed_gives_the_same_digits_alone_and_in_a_sweep(alone, experiment, launcher, tmp_path):
    swept, text = small(experiment, tmp_path, "-m", f"hydra/launcher={launcher}", "seed=0,1")
    assert "seeds 0, 1" in text
    assert swept == alone[experiment]
    assert len(swept) >= 6
