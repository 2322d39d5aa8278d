import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress

import numpy as np
import pytest

from seizure.events.decide import Postprocessing
from seizure.scoring.curve import sweep, thresholds_for
from seizure.scoring.evaluation import evaluate
from seizure.scoring.html import MissingPictureError, as_html
from seizure.scoring.operating_point import choose
from seizure.scoring.plots import plot_latency
from seizure.scoring.report import write_report

# A cold browser on a busy machine takes tens of seconds to start.
_PATIENCE_S = 240
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MARKDOWN = """# A report

- [x](https://example.org) <script>document.body.remove()</script>

## First figure

![A caption with "quotes" & <signs>](one.png)

## A wide table

| recording | value |
| :--- | ---: |
| {stem} | 1 |
"""


@pytest.fixture
def page(tmp_path):
    plot_latency(tmp_path / "one.png", np.array([-3.0, 2.0, 40.0]))
    return as_html(MARKDOWN.format(stem=300 * "long_name_"), tmp_path)


def test_a_page_needs_nothing_beside_it_and_runs_nothing(page):
    assert 'src="data:image/png;base64,' in page
    assert not re.search(r"<(script|link|iframe|object)", page)
    assert set(re.findall(r'(?:src|href)="([a-z]*:|#)', page)) == {"data:", "#", "https:"}
    assert "&lt;script&gt;" in page
    assert 'alt="A caption with &quot;quotes&quot; &amp; &lt;signs&gt;"' in page


def test_every_section_is_linked_from_the_top(page):
    for anchor in ("first-figure", "a-wide-table"):
        assert f'<a href="#{anchor}">' in page
        assert f'<h2 id="{anchor}">' in page


def test_a_picture_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingPictureError, match=r"gone\.png"):
        as_html("![x](gone.png)", tmp_path)


@pytest.fixture
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser to look with: none of {', '.join(BROWSERS)} is installed")
    return found


def shown(browser, path, *options):
    """What a browser without a network makes of a page; skips if it does not answer at all."""
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={path.parent / 'profile'}",
        "--window-size=900,1400", *options, path.as_uri(),
    ]  # fmt: skip
    # To a file: through a pipe, a process that the browser left behind would be waited for.
    answer = path.with_suffix(".answer")
    with answer.open("w") as file:
        started = subprocess.Popen(
            command, stdout=file, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            code = started.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            pytest.skip(f"{browser} did not answer in {_PATIENCE_S} s: this machine is too busy")
    assert code == 0
    return answer.read_text(encoding="utf-8")


# What the browser measured, written where --dump-dom shows it; the report itself has no script.
MEASURE = """<script>
// Pictures are decoded beside the page: only once it is loaded are all of them there.
addEventListener("load", () => {
  const pictures = [...document.images];
  document.body.dataset.measured = [
    pictures.length, pictures.filter(p => p.complete && p.naturalWidth > 200).length,
    document.documentElement.scrollWidth <= innerWidth,
    performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:")).length,
  ].join(" ");
});
</script></body>"""


def test_a_browser_shows_every_picture_and_scrolls_only_tables_sideways(browser, page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page.replace("</body>", MEASURE), encoding="utf-8")
    dom = shown(browser, path, "--dump-dom")
    assert re.search(r'data-measured="([^"]*)"', dom)[1] == "1 1 true 0"


def test_a_whole_report_fits_a_small_window(browser, recordings, tmp_path):
    settings = Postprocessing()
    choice = choose(sweep(recordings, settings, thresholds_for(recordings)), settings, 50.0)
    path = write_report(tmp_path, evaluate(recordings, choice), "made-up EEG")
    page = path.read_text(encoding="utf-8")
    path.write_text(page.replace("</body>", MEASURE), encoding="utf-8")
    dom = shown(browser, path, "--dump-dom")
    assert re.search(r'data-measured="([^"]*)"', dom)[1] == "4 4 true 0"


def test_a_screenshot_holds_the_picture_s_colours(browser, page, tmp_path):
    from PIL import Image

    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    shown(browser, path, f"--screenshot={tmp_path / 'shot.png'}")
    with Image.open(tmp_path / "shot.png") as shot:
        colours = {colour for _, colour in shot.convert("RGB").getcolors(1 << 24)}
    # White paper, dark ink, the blue bars of late and the green ones of early detections.
    assert {(255, 255, 255), (34, 34, 34), (11, 108, 179), (42, 138, 74)} <= colours
