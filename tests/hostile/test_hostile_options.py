"""Options that cannot be meant: each ends with one line, before TensorFlow is imported."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from reproduce.runtime import calls, cli_help, options, ranges, typed
from reproduce.runtime.errors import UserError
from reproduce.runtime.leaves import leaves, plain
from reproduce.runtime.overruled import overruled
from reproduce.runtime.places import CONF

SZEGEDY, NGUYEN, LIPTON = (f"experiment={name}" for name in ("szegedy", "nguyen", "lipton"))
IMAGENET = "experiment=nguyen_imagenet"
TEXTS = "reproduce.data.corpora.texts"
SEED = "seed is a whole number in [0, 4294967295], got "
THREADS = "threads is a whole number in [1, 256] or null, got "
EXAMPLES = "examples is a whole number in [1, 100000000] or null, got "
IMAGES = "scale.szegedy.images is a whole number in [1, 70000], got "
TAU = "attack.tau is a number in (0.0, 1000000.0], got "
EFFORT = "scale.effort is a number in (0.0, 100.0], got "
QUOTED = "is quoted twice, for the shell and for the option: "

REFUSED = [  # the experiment and what was typed; what the one line holds
    *((SZEGEDY, f"seed={x}", SEED + x) for x in ("1.5", "abc", "null", "-1", "4294967296", "true")),
    (SZEGEDY, "seed=nan", SEED),
    (SZEGEDY, "seed=[1]", SEED),
    *((SZEGEDY, f"threads={x}", THREADS + x) for x in ("many", "-3", "0", "1.5", "9999", "false")),
    *((SZEGEDY, f"examples={x}", EXAMPLES + x) for x in ("all", "0", "-5", "0.5", "1000000000000")),
    (SZEGEDY, "examples=inf", EXAMPLES),
    *(
        (SZEGEDY, f"scale.szegedy.images={x}", IMAGES + x)
        for x in ("0", "-1", "1.5", "null", "many", "nan", "inf", "99999999999", "[3]", "true")
    ),
    *((SZEGEDY, f"attack.tau={x}", TAU + x) for x in ("0", "-1", "null", "sharp", "nan", "inf")),
    (SZEGEDY, "attack.tau=1e300", TAU),
    (SZEGEDY, "attack.norm=manhattan", "attack.norm is one of squared, euclidean, got manhattan"),
    (SZEGEDY, "attack.norm=2", "attack.norm is one of squared, euclidean, got 2"),
    (SZEGEDY, "attack.searches=0", "attack.searches is a whole number in [1, 1000], got 0"),
    (SZEGEDY, "attack.iterations=1.5", "attack.iterations is a whole number in [1, 1000000]"),
    (SZEGEDY, "attack.margin=1", "attack.margin is a number in (0.0, 1.0), got 1"),
    (SZEGEDY, "attack.tolerance=-1e-5", "attack.tolerance is a number in (0.0, 1.0), got -1e-05"),
    (SZEGEDY, "attack.pairs=-4", "attack.pairs is a whole number in [1, 100], got -4"),
    (SZEGEDY, "tight.tau=0", "tight.tau is a number in (0.0, 1000000.0], got 0"),
    *((SZEGEDY, f"scale.effort={x}", EFFORT + x) for x in ("0", "-1", "nan", "inf", "all", "999")),
    (SZEGEDY, "scale.szegedy.lengths=100", "scale.szegedy.lengths is a list of values, got 100"),
    (SZEGEDY, "scale.szegedy.lengths=[]", "scale.szegedy.lengths is a list with something in it"),
    (SZEGEDY, "scale.szegedy.lengths=[0]", "each item a whole number in [1, 100000], got [0]"),
    (SZEGEDY, "scale.szegedy=3", "scale.szegedy"),
    (SZEGEDY, "scale.nguyen.runs=3", "there is no option scale.nguyen"),
    (NGUYEN, "scale.nguyen.runs=0", "scale.nguyen.runs is a whole number in [1, 1000], got 0"),
    (NGUYEN, "scale.nguyen.generations=-1", "scale.nguyen.generations is a whole number in"),
    (NGUYEN, "scale.nguyen.steps_share=0", "scale.nguyen.steps_share is a number in (0.0, 100.0]"),
    (NGUYEN, "scale.nguyen.retraining_effort=-.5", "retraining_effort is a number in (0.0, 100.0]"),
    (NGUYEN, "+cppn.code.rte=0.1", "there is no option cppn.code.rte"),
    (LIPTON, "scale.lipton.groups=[49,many]", "each item a whole number in [1, 100000]"),
    (LIPTON, "scale.lipton.sides=[7.5]", "each item a whole number in [2, 1000], got [7.5]"),
    (LIPTON, "scale.lipton.packages=[3]", "scale.lipton.packages is a list, each item text"),
    (IMAGENET, "scale.nguyen_imagenet.ascent.figure13=16", "a whole number in [1, 15], got 16"),
    (IMAGENET, "scale.nguyen_imagenet.ascent.classes=0", "a whole number in [1, 1000], got 0"),
    (SZEGEDY, "recipes.full_batch.iterations=0", "a whole number in [1, 100000], got 0"),
    (SZEGEDY, "recipes.descent.momentum=1", "a number in [0.0, 1.0), got 1"),
    (SZEGEDY, "recipes.lenet.rate.peak=nan", "recipes.lenet.rate.peak is a number, finite and not"),
    (SZEGEDY, "recipes.lenet.nesterov=3", "recipes.lenet.nesterov is true or false, got 3"),
    # options whose preset is another one's
    (SZEGEDY, "artefacts.table2.images=many", "table2.images is a whole number in [1, 70000], got"),
    (SZEGEDY, "artefacts.table2.images=0", "table2.images is a whole number in [1, 70000], got 0"),
    (SZEGEDY, 'artefacts.table2.images="8"', '[1, 70000], got the text "8"'),
    (SZEGEDY, "artefacts.table1.images=[1]", "a whole number in [1, 70000], got [1]"),
    (SZEGEDY, "attack.compiled=3", "attack.compiled is true or false, got 3"),
    (SZEGEDY, 'attack.compiled="false"', 'attack.compiled is true or false, got the text "false"'),
    (SZEGEDY, 'tensorboard="true"', 'tensorboard is true or false, got the text "true"'),
    ("networks=decay", "networks.FC10.effort=0", "effort is a number in (0.0, 100.0], got 0"),
    (NGUYEN, "artefacts.figure4.runs=1.5", "artefacts.figure4.runs is a whole number in [1, 1000]"),
    (LIPTON, "corpus.packages=numpy", "corpus.packages is a list of values, got numpy"),
    (LIPTON, "corpus.packages=[3]", "corpus.packages is a list, each item text, got [3]"),
    *((SZEGEDY, f"artefacts.table1.attack={x}", "table1.attack is a group of options, got")
      for x in ("x", "3", "null", "[1]", "${seed}")),
    (SZEGEDY, "artefacts.table1.attack={tau:3}", "artefacts.table1.attack is a call, with a _targ"),
    (SZEGEDY, "artefacts.figure1.networks={a:3}", "networks.a is a call, with a _target_, got 3"),
    (LIPTON, "artefacts.models.search={walks:1}", "artefacts.models.search.steps cannot be left"),
    (LIPTON, "artefacts.noise.models=[3]", "artefacts.noise.models is a group of options, got [3]"),
    (SZEGEDY, "workers=4", "workers=4 does nothing with engine=serial: engine=local workers=4"),
    (SZEGEDY, "engine.workers=4", "engine.workers=4 does nothing with engine=serial: "),
    (SZEGEDY, "engine.address=auto", "engine.address=auto does nothing with engine=serial: "),
    ("engine=local", "engine.address=auto", "engine.address=auto does nothing with engine=local: "),
    (LIPTON, f"corpus._target_={TEXTS}", f"{TEXTS} takes no packages: leave it out"),
    (LIPTON, "~corpus.packages", "corpus.packages cannot be left out"),
    (SZEGEDY, "tensorboard=maybe", "tensorboard is true or false, got maybe"),
    (SZEGEDY, "tensorboard=null", "tensorboard is true or false, got null"),
    (SZEGEDY, "dataset.strict=3", "dataset.strict is true or false, got 3"),
    (SZEGEDY, "dataset.path=3", "dataset.path is text or null, got 3"),
    (SZEGEDY, "only=[]", "only=[] names no artefact: there are figure1, figure2"),
    (SZEGEDY, "only=[tabel1]", "no artefact tabel1: the nearest is table1; there are "),
    (SZEGEDY, "only=tabel1", "no artefact tabel1: the nearest is table1; there are "),
    (SZEGEDY, "only=[table1,nothing]", "no artefact nothing: "),
    (SZEGEDY, "only=3", "only is a list of artefacts, got 3: 'only=["),
    (SZEGEDY, "only=[3]", "no artefact 3: "),
    (SZEGEDY, "only={table1:1}", "only is a list of artefacts"),
    (SZEGEDY, "+foo=3", "there is no option foo"),
    (SZEGEDY, "+attack.tua=3", "there is no option attack.tua: the nearest is attack.tau"),
    (SZEGEDY, "attack.tua=3", "there is no option attack.tua: the nearest is attack.tau"),
    (SZEGEDY, "+sede=3", "there is no option sede: the nearest is seed"),
    (SZEGEDY, "~seed", "seed cannot be left out"),
    (SZEGEDY, "outputs=null", "outputs is text, got null"),
    (SZEGEDY, "outputs=2024", "outputs is text, got 2024: 'outputs=\"2024\"'"),
    (SZEGEDY, "outputs=[a]", "outputs is text, got ['a']"),
    (SZEGEDY, "outputs=", "outputs is a folder, got nothing but blanks"),
    (SZEGEDY, "outputs='  '", "outputs is a folder, got nothing but blanks"),
    (SZEGEDY, "outputs=run.py", "outputs is a folder, and 'run.py' is none"),
    (SZEGEDY, "outputs=run.py/below", "outputs=run.py/below cannot be written to: "),
    (SZEGEDY, "outputs=/proc/outputs", "outputs=/proc/outputs cannot be written to: "),
    (SZEGEDY, "outputs=/tmp/" + "x" * 300, "cannot be written to: File name too long"),
    (SZEGEDY, "outputs=/tmp/" + "x/" * 5000, "cannot be written to: File name too long"),
    (SZEGEDY, "outputs=a,b", QUOTED + "'outputs=\"a,b\"'"),
    (SZEGEDY, "outputs=a=b", QUOTED + "'outputs=\"a=b\"'"),
    (SZEGEDY, "outputs=Überblick", QUOTED + "'outputs=\"Überblick\"'"),
    (SZEGEDY, "outputs=a(b", QUOTED + "'outputs=\"a(b\"'"),
    (SZEGEDY, "networks.FC10(1e-4).phases.0.decay=1e-3",
     "no option's name may hold '('. It is set in a file of conf/networks instead"),
    (SZEGEDY, "+networks.FC10(1e-4).effort=2", "It is set in a file of conf/networks instead"),
    (LIPTON, "models.linear SVM.limit=3",
     "no option's name may hold ' '. It is set in a file of conf/experiment instead"),
    (SZEGEDY, "only=[table1", "cannot be read: artefacts are listed in brackets, 'only=[table1]'"),
    (SZEGEDY, "store=null", "store is text, got null"),
    (SZEGEDY, "store=run.py", "store is a folder, and 'run.py' is none"),
    (SZEGEDY, "attack.tau=${nothing}", "attack.tau: "),
    (SZEGEDY, "scale=smok", "scale=smok is not known: the nearest is smoke"),
    (SZEGEDY, "attack=papr", "attack=papr is not known: the nearest is paper"),
    *(
        (SZEGEDY, f"{group}={x}", f"{group} is one of ")
        for group in ("attack", "networks", "dataset", "scale", "engine", "experiment")
        for x in ("null", "3", "true", "[mnist]")
    ),
    (SZEGEDY, "dataset=MNIST", "dataset=MNIST is not known: the nearest is mnist"),
    (SZEGEDY, "dataset=", "dataset= is not known"),
    (SZEGEDY, "scale=smoke.yaml", "scale=smoke.yaml is not known: the nearest is smoke"),
    ("seed=1", "experiment=../dataset/mnist", "experiment=../dataset/mnist is not known"),
    ("seed=1", "+experiment=szegedy", "experiment is chosen without a plus: experiment=szegedy"),
    (SZEGEDY, "+scale=smoke", "scale is chosen without a plus: scale=smoke"),
    (SZEGEDY, "sweep=width", "a sweep is written with a plus: +sweep=width"),
    *((SZEGEDY, x, "options are written name=value") for x in ("=3", "seed", "seed 3", "", ".")),
    *((SZEGEDY, x, "options are written without dashes") for x in ("--seed=3", "-seed=3", "--foo")),
    *((SZEGEDY, f"hydra.{x}", "results go where outputs= says") for x in
      ("run.dir=/proc/x", "sweep.dir=/proc/x", "job.chdir=true", "output_subdir=.hydra")),
    (SZEGEDY, "--resolve", "--resolve goes with --cfg job"),
    (SZEGEDY, "seed=", SEED + "nothing"),
    (SZEGEDY, "seed=1e3", SEED + "1000.0"),
    (SZEGEDY, "seed=${seed}", "seed: Recursive interpolation"),
    (SZEGEDY, "seed=${oc.env:NO_SUCH}", "seed: KeyError raised while resolving"),
    (SZEGEDY, "seed=???", "seed cannot be left out"),
    (SZEGEDY, "threads=[2]", THREADS + "[2]"),
    (SZEGEDY, "examples=[3]", EXAMPLES + "[3]"),
    (SZEGEDY, "photographs=[a]", "photographs is text or null, got ['a']"),
    (SZEGEDY, "dataset.path=[a]", "dataset.path is text or null, got ['a']"),
    (SZEGEDY, "scale.szegedy.lengths=[null]", "each item a whole number in [1, 100000]"),
    (SZEGEDY, "only=table1,table2", "artefacts are listed in brackets, 'only=[table1,table2]'"),
    (SZEGEDY, "only='table1,table2'", "artefacts are listed in brackets, 'only=[a,b]'"),
    (SZEGEDY, "outputs=a\nb", QUOTED),
    (SZEGEDY, "outputs='~/x'", "would be a folder called ~: outputs=$HOME/x"),
    *((SZEGEDY, f"{x}=null", f"{x} is a group of options, got null") for x in
      ("artefacts", "artefacts.table1", "recipes", "recipes.full_batch", "scale.szegedy")),
    *((SZEGEDY, f"~{x}", f"{x} cannot be left out") for x in
      ("attack", "attack.tau", "attack._target_", "scale.szegedy", "artefacts", "recipes.lenet")),
    (SZEGEDY, "+artefacts.mine=3", "artefacts.mine is a call, with a _target_, got 3"),
    (SZEGEDY, "+networks.mine=3", "networks.mine is a call, with a _target_, got 3"),
    (SZEGEDY, "+networks.mine={units:3}", "networks.mine is a call, with a _target_"),
    ("networks=keras", "networks.side=[8]", "networks.side is a whole number in [1, 10000] or"),
    ("networks=keras", "networks.side=0", "networks.side is a whole number in [1, 10000] or null"),
    ("networks=keras", "networks.scale=nan", "networks.scale is a number in [-1000000.0"),
    ("networks=keras", "networks.outputs=labels", "networks.outputs is one of logits, probabil"),
    ("networks=keras", "networks.outputs=Logits", "is one of logits, probabilities, sigmoids or n"),
    (SZEGEDY, "attack.norm=Squared", "attack.norm is one of squared, euclidean, got Squared"),
    ("dataset=folder", 'dataset.grey="False"', "one of true, false or null, got the text"),
    ("networks=keras", "networks.ten_crops=3", "networks.ten_crops is true or false, got 3"),
    ("dataset=folder", "dataset.test_share=1", "dataset.test_share is a number in (0.0, 1.0), got"),
    ("dataset=folder", "dataset.size=[28,0]", "item a whole number in [1, 10000], got [28, 0]"),
]  # fmt: skip


def said(*words):
    """The line that a command is refused with; None where it is not."""
    try:
        typed.check(words)
        options.check(options.composed(words), words)
    except UserError as error:
        return str(error)
    except (HydraException, OmegaConfBaseException) as error:
        return cli_help.explain_error(str(error), words, lambda: options.names(words))
    return None


@pytest.mark.parametrize(("experiment", "word", "line"), REFUSED, ids=lambda x: x[:40])
def test_what_cannot_be_meant_is_refused_in_one_line(experiment, word, line):
    told = said(experiment, word)
    assert told is not None
    assert line in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("experiment", "word"),
    [
        (SZEGEDY, "seed=4294967295"), (SZEGEDY, "examples=null"), (SZEGEDY, "threads=2"),
        (SZEGEDY, "attack.tau=16"), (SZEGEDY, "attack.norm=euclidean"), (SZEGEDY, "only=table1"),
        (SZEGEDY, "only=[table1,figure7]"), (SZEGEDY, "only=null"), (SZEGEDY, "tensorboard=true"),
        (SZEGEDY, "scale.szegedy.images=1000"), (SZEGEDY, "scale.szegedy.lengths=[7]"),
        (SZEGEDY, "dataset.path=null"), (SZEGEDY, "recipes.full_batch.iterations=3"),
        (NGUYEN, "+cppn.code.rate=0.2"), ("networks=decay", "+networks.FC10.network.units=[50]"),
        ("networks=keras", "networks.path=[a.keras,b.keras]"),
        ("networks=keras", "networks.offset=-1"),
        ("dataset=npz", "dataset.path=a.npz"), ("dataset=folder", "dataset.path=a"),
        ("dataset=npz", "dataset.classes=3"), ("dataset=mnist", "dataset.path=a.npz"),
        ("networks=keras", "networks.path=a.keras"), (SZEGEDY, "~artefacts.table1"),
        (SZEGEDY, "photographs=folder"), (SZEGEDY, "attack=calibrated"),
        ("dataset=folder", "dataset.size=[28,28]"), ("dataset=folder", "dataset.grey=true"),
        ("engine=local", "workers=4"), ("engine=dask", "engine.address=tcp://10.0.0.1:8786"),
        (SZEGEDY, "artefacts.table2.images=8"), (SZEGEDY, "attack.compiled=false"),
        (SZEGEDY, "artefacts.density.draws=5"), (SZEGEDY, "artefacts.table1.seeds=2"),
        (SZEGEDY, "artefacts.figure1.networks=${networks}"),
        (SZEGEDY, "artefacts.table1.images=${scale.szegedy.first_images}"),
        (SZEGEDY, "artefacts.table1.attack={_target_:reproduce.methods.attacks.deepfool.DeepFool}"),
        ("networks=decay", "networks.FC10.effort=0.5"), (NGUYEN, "retrained.effort=0.5"),
        (NGUYEN, "artefacts.figure4.runs=1"), (LIPTON, "artefacts.noise.samples=10"),
        (LIPTON, "search.walks=1"), (LIPTON, "corpus.packages=[numpy]"),
        (LIPTON, "artefacts.noise.models={softmax regression: ${softmax}}"),
        ("+sweep=width", "width=30"), ("+sweep=cppn_rates", "rate=0.3"),
    ],
)  # fmt: skip
def test_what_can_be_meant_passes(experiment, word):
    assert said(experiment, word) is None


def test_texts_of_ones_own_are_taken_by_the_command_that_conf_gives(tmp_path, monkeypatch):
    head = (CONF / "experiment" / "lipton.yaml").read_text().partition("defaults:")[0]
    command = head[head.index("corpus._target_=") :].replace("\\\n#", " ")
    words = [LIPTON, *shlex.split(command)[:3], f"outputs={tmp_path}"]
    assert said(*words) is None
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"text": f"{x} " * 40, "label": x}) for x in "ab"]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    made = calls.made(options.composed(words).artefacts)
    for artefact in ("one_feature", "topics", "text_filter"):
        assert made[artefact].keywords["corpus"]().labels == ["a", "b"]


@pytest.mark.parametrize("name", ["with blanks", "a=b", "a,b", "Überblick", "[brackets]", "$home"])
def test_any_folder_can_be_named_in_quotes(tmp_path, name):
    assert said(SZEGEDY, f'outputs="{tmp_path}/{name}"') is None
    assert (tmp_path / name).is_dir()


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("experiment", cli_help.names("experiment"))
def test_every_value_of_conf_is_in_its_range(experiment, scale):
    config = options.composed([f"experiment={experiment}", f"scale={scale}"])
    explained = cli_help.explanations(dict(config.hydra.runtime.choices))
    declared = {key: ranges.declared(comment) for key, comment in explained.items()}
    assert sum(within is not None for within in declared.values()) > 20
    for key, value in leaves(plain(config)):
        within = declared.get(key)
        for each in value if isinstance(value, list) else [value]:
            assert within is None or each is None or "${" in str(each) or within.holds(each), key


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["attack.tau=16"], "attack.tau is 16, not 1.0."),
        (["attack.norm=euclidean"], "attack.norm is euclidean, not squared."),
        (["networks=szegedy_sgd"], "networks=szegedy_sgd in the place of szegedy."),
        (["recipes.full_batch.iterations=9"], "recipes.full_batch.iterations is 9, not 600."),
        (["scale.effort=0.5"], "Networks are trained for 0.5 of their epochs and iterations."),
        (["scale=smoke"], "Networks are trained for 0.125 of their epochs and iterations."),
        (["networks=decay", "decay=1e-3"], "decay is 0.001, not 0.0001."),
        (["attack.compiled=false"], "attack.compiled is false, not true."),
        (["artefacts.table2.images=8"], "artefacts.table2.images is 8, not 256."),
        (
            ["artefacts.figure1.networks=${networks}"],
            "artefacts.figure1.networks is ${networks}, not ${convolutional}.",
        ),
    ],
)
def test_a_setting_that_is_not_the_preset_is_a_departure(words, line):
    words = [SZEGEDY, *words]
    assert line in options.departures(options.composed(words), words)


@pytest.mark.parametrize(
    "word",
    ["seed=3", "threads=1", "outputs=/tmp", "scale.szegedy.images=9", "dataset=mnist_5k",
     "only=[table1]", "examples=100", "scale=paper", "tensorboard=true",
     "artefacts.table2.images=256", "attack.compiled=true"],
)  # fmt: skip
def test_what_changes_no_method_is_no_departure(word):
    words = [SZEGEDY, word]
    assert options.departures(options.composed(words), words) == []


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["scale.szegedy.images=8"], []),
        (["attack=coauthor"], []),
        (["attack=coauthor", "scale.szegedy.first_images=8"], []),
        (
            ["attack=coauthor", "scale.szegedy.images=8"],
            ["scale.szegedy.images=8 does not count for table1, table3: protocol.images=1000 "
             "does, set by scale.szegedy.first_images."],
        ),
        (
            ["attack=coauthor", "scale.szegedy.images=8", "artefacts.table3.images=9",
             "protocol.images=5"],
            ["scale.szegedy.images=8 does not count for table1: protocol.images=5 does."],
        ),
    ],
)  # fmt: skip
def test_a_count_that_does_not_count_is_told(words, lines):
    words = [SZEGEDY, *words]
    artefacts = ["table1", "table3", "training_length"]
    assert overruled(options.composed(words), words, artefacts) == lines


@pytest.mark.parametrize("word", ["seed=abc", "attack=null", "only=[]"])
def test_it_ends_with_exit_code_2_and_without_tensorflow(word):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "run.py", SZEGEDY, word],
        capture_output=True, text=True, env=os.environ, timeout=60,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1)
    assert " tensorflow" not in done.stderr
