# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML report in a browser: that it opens without a complaint, and that what is touched answers.

The report is that of netdde's timed-wait defect in an sftp download, found here.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

import browser
from browser import Browser, Page
from conftest import ROOT, command_path, run_command
from test_report import FINDING, RESULT
from test_report_formats import STEPS

import lockcheck as package

pytestmark = pytest.mark.skipif(not browser.PROGRAM, reason="Chromium is not installed; scripts/setup installs it")

OPEN = "document.querySelector('details.thread.chosen').open"
CHOSEN = "document.querySelector('details.thread.chosen b').textContent"
AT = "document.querySelector('.at').textContent"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The directory of results, with report.html in it."""
    out = tmp_path_factory.mktemp("netdde") / "lockcheck.out"
    capture = ROOT / "traces" / "sftp-download.pcapng"
    tool = command_path("lockcheck")
    netdde = [command_path("netdde"), "--sync", "legacy", "--replay", capture]
    outcome = run_command([tool, "explore", "--quiet", "--out", out, "--", *netdde])
    assert outcome.code == 1, outcome.text
    page = out.parent / "report.html"
    outcome = run_command([tool, "report", out, "--format", "html", "--output", page])
    assert outcome.code == 0 and not outcome.stdout + outcome.stderr, outcome.text
    return out


@pytest.fixture
def page(chromium: Browser, found: pathlib.Path) -> Iterator[Page]:
    opened = chromium.open(found.parent / "report.html")
    yield opened
    assert opened.complaints() == []


def finding_of(found: pathlib.Path) -> package.Finding:
    return package.load(found).findings[0]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 820, 1400])
def test_it_opens_without_a_complaint_and_fits_the_window(chromium, found, width, dark) -> None:
    opened = chromium.open(found.parent / "report.html", width=width, dark=dark)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    background = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    level = sum(int(part) for part in background.removeprefix("rgb(").removesuffix(")").split(","))
    assert (level < 200) == dark
    assert opened.complaints() == []


def test_the_graph_shows_each_thread_that_waits(page, found) -> None:
    shown = page.evaluate("[...document.querySelectorAll('.graph g.thread text')].map((text) => text.textContent)")
    waiting = {edge.source[1] for edge in finding_of(found).graph if edge.source[0] == "thread"}
    assert waiting <= set(shown)


def test_there_is_a_lane_for_each_thread_that_made_a_step(page, found) -> None:
    names = page.evaluate("[...document.querySelectorAll('.names > *')].map((name) => name.textContent)")
    assert set(names) - {"time"} <= {thread.name for thread in finding_of(found).threads}
    assert {"client-rx", "ddekit_timer", "wire", "irq0b"} <= set(names)
    assert page.evaluate("document.querySelectorAll('.field rect.take').length") > 5
    assert page.evaluate("document.querySelectorAll('.field .moment').length") >= 1, "what mattered is marked"


def test_a_click_on_a_thread_in_the_graph_shows_its_stack(page) -> None:
    page.evaluate("document.querySelectorAll('details.thread').forEach((thread) => thread.open = false)")
    node = page.evaluate("[...document.querySelectorAll('.graph g.thread')].find((g) => g.textContent.includes('.softirqd')).id")
    page.click(f"#{node} text")
    assert page.evaluate(CHOSEN) == ".softirqd" and page.evaluate(OPEN)
    assert "softirqd" in page.evaluate("document.querySelector('details.thread.chosen .stack').innerText")
    top = page.evaluate("document.querySelector('details.thread.chosen').getBoundingClientRect().top")
    assert 0 <= top < 900, "it is in sight"


def test_a_click_on_the_name_of_a_lane_shows_the_stack_of_its_thread(page) -> None:
    page.click(".names button:nth-child(2)")
    assert page.evaluate(CHOSEN) == page.evaluate("document.querySelector('.names button:nth-child(2)').textContent")
    assert page.evaluate("document.querySelector('details.thread.chosen .stack').checkVisibility()")


def test_the_keyboard_goes_through_the_graph_and_the_lanes(page) -> None:
    page.evaluate("document.querySelector('.graph g.thread').focus()")
    page.press("Enter")
    assert page.evaluate(CHOSEN) == page.evaluate("document.querySelector('.graph g.thread text').textContent")
    page.evaluate("document.querySelector('.field svg').focus()")
    page.press("End")
    last = page.evaluate(AT)
    page.press("ArrowLeft")
    before = page.evaluate(AT)
    assert step_of(before) == step_of(last) - 1
    page.press("Enter")
    assert page.evaluate(CHOSEN) == before.split(" · ")[1]
    page.evaluate("document.querySelector('.field svg').focus()")
    steps_shown = page.evaluate("document.querySelectorAll('.field rect').length")
    page.press("+")
    assert page.evaluate("document.querySelectorAll('.field rect').length") < steps_shown


def step_of(text: str) -> int:
    return int(text.split(" · ")[0].removeprefix("step ").replace(",", ""))


def test_lanes_zoom_out_to_all_steps_and_in_again(page) -> None:
    page.click("[data-do=all]")
    assert page.evaluate("document.querySelector('.field .axis').textContent") == "step 1" or page.evaluate(
        "document.querySelectorAll('.field .gap').length"
    )
    assert page.evaluate("document.querySelectorAll('.field .many').length") > 10
    for _ in range(12):
        page.click("[data-do=in]")
    assert page.evaluate("document.querySelectorAll('.field rect.many').length") == 0


def test_a_step_that_the_story_names_is_shown_in_the_lanes(page) -> None:
    step = page.evaluate("Number(document.querySelector('.story a.step').dataset.step)")
    page.click(".story a.step")
    assert step_of(page.evaluate(AT)) == step
    assert page.evaluate("document.querySelectorAll('.field .cursor').length") == 1


def test_a_press_on_a_step_tells_what_it_is(page) -> None:
    page.click(".moments li:last-child button")
    page.click(".field rect.give")
    assert any(word in page.evaluate(AT) for word in ("unlock", "signal", "broadcast", "create", "exit"))


def test_the_frame_of_the_capture_that_was_being_processed_is_named(page) -> None:
    facts = page.evaluate("document.querySelector('.facts').innerText")
    assert "client-rx" in facts and "of sftp-download.pcapng" in facts


def test_what_the_program_calls_itself_is_text_in_the_page(chromium, tmp_path) -> None:
    evil = "</script><script>window.harmed=1</script><img src=x onerror=window.harmed=1>\"'&{{"
    text = json.dumps({**RESULT, "findings": [{**FINDING, "steps_file": "1.steps.json"}]})
    results = tmp_path / "results"
    results.mkdir()
    quoted = json.dumps(evil)[1:-1]
    (results / "result.json").write_text(text.replace("writer", quoted).replace("routes", f"routes{quoted}"))
    (results / "1.steps.json").write_text(json.dumps(STEPS).replace("writer", quoted).replace("lock", f"lock{quoted}"))
    target = tmp_path / "report.html"
    outcome = run_command([command_path("lockcheck"), "report", results, "--format", "html", "-o", target])
    assert outcome.code == 0, outcome.text
    opened = chromium.open(target)
    assert opened.evaluate("window.harmed") is None
    assert opened.evaluate("document.querySelectorAll('img').length") == 0
    assert evil in opened.evaluate("document.querySelector('h2').textContent")
    assert evil in opened.evaluate("[...document.querySelectorAll('.names button')].map((name) => name.textContent)")
    assert opened.complaints() == []


def test_a_page_without_findings_or_steps_opens_too(chromium, tmp_path) -> None:
    for name, raw in {"clean": {**RESULT, "verdict": "clean", "findings": []}, "bare": RESULT}.items():
        results: Any = tmp_path / name
        results.mkdir()
        (results / "result.json").write_text(json.dumps(raw))
        target = tmp_path / f"{name}.html"
        run_command([command_path("lockcheck"), "report", results, "--format", "html", "-o", target])
        opened = chromium.open(target, width=360)
        assert opened.evaluate("document.documentElement.scrollWidth") <= 360
        assert opened.complaints() == []
