"""Container, public CI and hooks: what can be held of them without running them."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEVCONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())


def yaml(path: Path):
    return YAML(typ="safe").load(path.read_text())


def jobs():
    return [job for path in WORKFLOWS for job in yaml(path)["jobs"].values()]


def steps():
    return [step for job in jobs() for step in job["steps"]]


def commands():
    """Every line of shell that one of the files holds."""
    return [
        *(step["run"] for step in steps() if "run" in step),
        *re.findall(r"^(?:RUN|    &&) (.*)$", DOCKERFILE, re.MULTILINE),
        DEVCONTAINER["postCreateCommand"],
    ]


def pythons():
    """The versions that CI tries, the oldest first."""
    (tried,) = [job["strategy"]["matrix"]["python"] for job in jobs() if "strategy" in job]
    return tried


def test_ci_tries_three_pythons_from_the_oldest_that_is_allowed():
    assert PROJECT["project"]["requires-python"] == f">={pythons()[0]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{pythons()[0].replace('.', '')}"
    minors = [int(version.partition(".")[2]) for version in pythons()]
    assert minors == list(range(minors[0], minors[0] + 3))


def test_every_other_python_is_one_that_ci_tries():
    named = [
        re.search(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)[1],
        re.match(r"python:([\d.]+)", DEVCONTAINER["image"])[1],
        *(str(step.get("with", {}).get("python-version", pythons()[0])) for step in steps()),
    ]
    assert {name for name in named if "matrix" not in name} <= set(pythons())


@pytest.mark.parametrize("command", commands())
def test_the_files_that_commands_name_exist(command):
    for name in re.findall(r"(?:-r |bash |python )([\w./-]+\.\w+|\.ci/run)", command):
        assert (ROOT / name).is_file(), name


def test_ci_runs_what_is_run_everywhere():
    assert "bash .ci/run" in commands()
    assert any("mkdocs build --strict" in command for command in commands())


def test_what_is_copied_into_the_container_exists():
    for sources in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_the_build_argument_for_a_gpu_finds_the_pin_that_it_changes():
    old, new = re.search(r"sed -i 's/(.*)/(.*)/' requirements-run\.txt", DOCKERFILE).groups()
    pins = (ROOT / "requirements-run.txt").read_text()
    changed, count = re.subn(old, new, pins, flags=re.MULTILINE)
    assert count == 1
    assert re.search(r"^tensorflow\[and-cuda\]==\d", changed, re.MULTILINE)


def test_the_container_holds_what_runs_look_up():
    kept = (ROOT / ".dockerignore").read_text().split()
    assert {"!outputs/reference", "!outputs/released"} <= set(kept)


@pytest.mark.parametrize("image", [DEVCONTAINER["image"], *re.findall(r"^FROM (\S+)", DOCKERFILE)])
def test_images_are_named_without_a_host(image):
    assert "/" not in image


def test_hooks_call_pinned_tools():
    (local,) = yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    pinned = (ROOT / "requirements-dev.txt").read_text()
    for hook in local["hooks"]:
        assert f"\n{hook['entry'].split()[0]}==" in pinned, hook["id"]
        assert hook["language"] == "system"
