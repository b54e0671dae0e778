"""The pages to look into, driven in a browser where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from reproduce.report.explorer import Changed, Snapshots, attack_page, evolution_page
from reproduce.report.page import TEMPLATES

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
NAMES = ["FC10(1)", "FC100-100-10", "<b>&amp;"]
RNG = np.random.default_rng(0)
N, CLASSES = 5, 10
LABELS = np.array([3, 1, 4, 1, 5])


def probabilities():
    p = RNG.random((N, CLASSES))
    return p / p.sum(axis=1, keepdims=True)


def made_page():
    images = RNG.random((N, 8, 8, 1))
    changed = {
        name: Changed(
            np.clip(images + RNG.normal(0, 0.1, images.shape), 0, 1),
            RNG.integers(CLASSES, size=N),
            np.where(np.arange(N) == 2, np.nan, RNG.random(N)),
            {judge: probabilities() for judge in NAMES},
        )
        for name in NAMES
    }
    before = {name: probabilities() for name in NAMES}
    return attack_page("Title", "Caption", images, LABELS, before, changed).decode(), changed


def in_browser(page, tmp_path, script, width=1280):
    """What a script returns after the page's own have run, and the errors on the way."""
    if BROWSER is None:
        pytest.skip("needs Chromium, and none is installed")
    watch = "<script>var errors = []; onerror = (text) => errors.push(text);</script>"
    tell = (
        "<script>const told = (() => {" + script + "})(); parent.document.title ="
        " JSON.stringify([told, errors]);</script>"
    )
    whole = page.replace("<head>", "<head>" + watch, 1).replace("</body>", tell + "</body>", 1)
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<title></title><iframe style="width:{width}px;height:900px;border:0" '
        f'srcdoc="{html.escape(whole)}"></iframe>'
    )
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", frame.as_uri()],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    told = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    return json.loads(html.unescape(told[1]))


def test_the_counts_of_the_page_are_those_of_the_probabilities(tmp_path):
    page, changed = made_page()
    told, errors = in_browser(page, tmp_path, """
        const counts = [];
        for (const button of document.querySelectorAll("#sources button")) {
          button.click();
          const cells = [...document.querySelectorAll("[data-wrong]")];
          counts.push(cells.map((cell) => cell.dataset.wrong));
        }
        return counts;
    """)  # fmt: skip
    assert errors == []
    kept = np.arange(N) != 2
    assert told == [
        [
            str(int((each.after[judge][kept].argmax(axis=1) != LABELS[kept]).sum()))
            for judge in NAMES
        ]
        for each in changed.values()
    ]


def test_the_page_goes_by_the_keyboard_and_draws_the_bytes(tmp_path):
    page, _ = made_page()
    told, errors = in_browser(page, tmp_path, """
        const press = (key) => document.activeElement.dispatchEvent(
          new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        document.querySelector("#strip [aria-checked=true]").focus();
        press("ArrowRight"); press("ArrowRight");
        const none = document.getElementById("said-change").textContent;
        press("ArrowLeft");
        const canvas = document.getElementById("original");
        const drawn = canvas.getContext("2d").getImageData(0, 0, 8, 8).data;
        return [none, document.activeElement.getAttribute("aria-label"),
                [...drawn].filter((_, i) => i % 4 === 0), [...originals.subarray(64, 128)]];
    """)  # fmt: skip
    assert errors == []
    none, label, drawn, bytes_ = told
    assert none == "no image was found"
    assert label == "image 2, a 1"
    assert drawn == bytes_


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_cut_off(tmp_path, width):
    page, _ = made_page()
    told, errors = in_browser(
        page,
        tmp_path,
        "const root = document.documentElement; return [root.scrollWidth, root.clientWidth];",
        width,
    )
    assert errors == []
    assert told[0] == told[1] <= width


def test_the_slider_goes_through_the_generations(tmp_path):
    confidence = RNG.random((3, 10))
    snapshots = Snapshots([0, 5, 20], RNG.integers(0, 256, (3, 10, 8, 8, 1)), confidence)
    page = evolution_page("Title", "Caption", {"direct": snapshots, "CPPN": snapshots}).decode()
    told, errors = in_browser(page, tmp_path, """
        const shown = () => [document.getElementById("generation").textContent,
          [...document.querySelectorAll("[data-confidence]")].map(
            (each) => Number(each.dataset.confidence))];
        const last = shown(), slider = document.getElementById("moment");
        slider.value = 1;
        slider.dispatchEvent(new Event("input"));
        return [last, shown()];
    """)  # fmt: skip
    assert errors == []
    for (generation, p), moment in zip(told, (2, 1), strict=True):
        assert generation == f"generation {snapshots.generations[moment]}"
        np.testing.assert_allclose(p, confidence[moment], atol=1e-6)


def test_a_page_stands_alone():
    page, _ = made_page()
    assert not re.search(r"""(src|href)=["']?(?!data:)\w""", page)
    assert "<b>&amp;" not in page.split('id="data"')[1].split("</script>")[0]


@pytest.mark.parametrize(
    ("experiment", "template"), [("szegedy", "explorer_attack"), ("nguyen", "explorer_evolution")]
)
def test_the_pages_of_the_site_are_of_these_templates(experiment, template):
    """Where not, `python run.py experiment=... 'only=[explorer]'` draws it anew."""
    path = Path(__file__).parents[1] / "docs" / "explorer" / f"{experiment}.html"
    page = path.read_text(encoding="utf-8")
    title, caption, data = (
        re.search(f"<{tag}>(.*?)</", page, re.DOTALL)[1]
        for tag in ("title", 'p class="caption"', 'script type="application/json" id="data"')
    )
    said = {"title": html.unescape(title), "caption": html.unescape(caption)}
    drawn = TEMPLATES.get_template(f"{template}.html").render(**said, data=json.loads(data))
    assert drawn == page
