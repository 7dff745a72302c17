"""The report: one page that is whole, the same in a real browser, and deaf and dumb toward the network."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dltui.core.reading.reader import RunReader
from dltui.exports import dltui_exporters
from dltui.exports.report import report
from dltui.exports.report.svg_inline import inline_svg
from dltui.exports.tables.summary import summary
from dltui.exports.wording import number
from dltui.exports.write import write
from tests.exports.runs import HOSTILE, reader
from tests.helpers.marks import few

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1000,6000",
    # The browser itself reaches nobody either.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
FIGURES = {
    "classification": ["training_metrics", "confusion_matrix", "mislabeled", "structure"],
    "regression": ["training_metrics", "regression", "structure"],
}
NASTY = '"><script src="http://127.0.0.1:9/x.js"></script><img src=http://127.0.0.1:9/i.png>'
# What a person sees of each figure: where it stands, what is drawn in it, what it points to that is not there.
LOOK = """<script>
const seen = [...document.querySelectorAll("figure")].map(figure => {
  const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const drawn = [...svg.querySelectorAll("path, use, image")].filter(e => e.getBBox().width + e.getBBox().height > 0);
  const text = svg.outerHTML;
  const wanted = [...text.matchAll(/url\\((?:&quot;|")?#([^)"&]+)|href="#([^"]+)"/g)].map(m => m[1] || m[2]);
  return {name: figure.id, box: [box.left, box.top, box.right, box.bottom], drawn: drawn.length,
          missing: wanted.filter(id => !document.getElementById(id))};
});
document.body.innerHTML = "";
document.body.appendChild(document.createElement("pre")).textContent = "SEEN" + JSON.stringify(seen) + "END";
</script>"""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


class Tags(html.parser.HTMLParser):
    """All elements of a page and the attributes that could fetch something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "data", "action", "srcset"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    handle_startendtag = handle_starttag


def browse(folder: Path, page: Path, *arguments: str) -> str:
    assert CHROMIUM
    command = ["nice", CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout


def hostile(tmp_path: Path) -> RunReader:
    found = reader(tmp_path, classes=HOSTILE)
    asked = json.loads(found.directory.run_json.read_text())
    asked["config"] |= {NASTY: NASTY, "lr": NASTY}
    asked |= {"model": f"m{NASTY}", "command": ["dltui", NASTY, "\x1b[31m\u202e"], "dataset_options": {NASTY: [NASTY]}}
    found.directory.run_json.write_text(json.dumps(asked))
    found.directory.set_labels(name=NASTY, note=f"{NASTY}\n\x1b]0;x\x07")
    again = RunReader(found.directory.path)
    again.refresh()
    return again


@needs_chromium
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_browser_shows_every_figure_and_asks_for_nothing(tmp_path: Path, task: str) -> None:
    page = tmp_path / "report.html"
    report.export(reader(tmp_path, task=task), page)
    log, picture = tmp_path / "net.json", tmp_path / "page.png"
    browse(tmp_path, page, f"--log-net-log={log}", f"--screenshot={picture}")
    assert requests(log) == []
    looking = tmp_path / "looking.html"
    looking.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page.read_text()).replace("</body>", LOOK + "</body>"))
    seen = json.loads(html.unescape(browse(tmp_path, looking, "--dump-dom").split("SEEN")[-1].split("END")[0]))
    assert [figure["name"] for figure in seen] == FIGURES[task]
    with Image.open(picture) as image:
        for figure in seen:
            assert figure["missing"] == []
            assert figure["drawn"] > 20
            assert share_of_ink(image, figure["box"]) > 0.01, figure["name"]


def test_a_named_target_is_told_in_its_own_units(tmp_path: Path) -> None:
    found = reader(tmp_path, task="regression")
    assert "<h2>Targets</h2>" not in report.page(found)
    assert found.history.attempt is not None
    found.history.attempt.dataset["targets"] = [{"name": "<price>"}]
    section = report.page(found).split("<h2>Targets</h2>")[1].split("</section>")[0]
    (errors,) = summary(found)["targets"].values()
    wanted = ["&lt;price&gt;", *(number(errors[name]) for name in ("mse", "mae", "r2"))]
    assert re.findall("<td[^>]*>(.*?)</td>", section) == wanted


def requests(log: Path) -> list[str]:
    """Addresses that the page asked for; the browser has questions of its own, which come from no origin."""
    events: list[dict[str, Any]] = json.loads(log.read_text())["events"]
    asked = [event.get("params") or {} for event in events]
    urls = [str(params["url"]) for params in asked if params.get("initiator", "not an origin") != "not an origin"]
    return [url for url in urls if not url.startswith(("file:", "data:", "chrome:", "devtools:"))]


def share_of_ink(image: Image.Image, box: list[float]) -> float:
    part = image.convert("L").crop((int(box[0]) + 4, int(box[1]) + 4, int(box[2]) - 4, int(box[3]) - 4))
    dark = sum(part.histogram()[:200])
    return dark / (part.width * part.height)


@needs_chromium
def test_the_browser_test_would_see_a_request(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<img src="http://127.0.0.1:9/i.png">')
    log = tmp_path / "net.json"
    browse(tmp_path, page, f"--log-net-log={log}", "--dump-dom")
    assert any("127.0.0.1:9" in url for url in requests(log))


@needs_chromium
def test_hostile_names_make_a_browser_ask_for_nothing(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    report.export(hostile(tmp_path), page)
    # Without its policy, so that nothing but the escaping stands between the names and the browser.
    page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page.read_text()))
    log = tmp_path / "net.json"
    browse(tmp_path, page, f"--log-net-log={log}", "--dump-dom")
    assert requests(log) == []


def test_the_page_has_all_that_is_to_be_told(tmp_path: Path) -> None:
    found = reader(tmp_path)
    page = report.page(found)
    for said in (
        "cnn-torch on fashion-mnist", "91.69 %", "dltui train cnn-torch --dataset fashion-mnist --lr 0.05 --seed 0",
        "<td>lr</td><td>0.05</td><td>0.1</td>", "54,000", "5f" * 32, "ab" * 32, "<td>torch</td><td>2.14.1</td>",
        "61,794", "prefers-color-scheme: dark", "15,320",
    ):  # fmt: skip
        assert said in page, said
    assert page.count('<tr class="best"><td class="number">8<') == 1
    assert [name for name in FIGURES["classification"] if f'<figure id="{name}">' not in page] == []
    tags = Tags(page)
    assert len(tags.ids) == len(set(tags.ids))
    assert all(address.startswith(("#", "data:image/")) for address in tags.addresses)
    assert not {"script", "link", "iframe", "object", "embed", "a", "form", "base"} & set(tags.names)
    assert "default-src 'none'" in page


def test_hostile_names_are_text(tmp_path: Path) -> None:
    page = report.page(hostile(tmp_path))
    tags = Tags(page)
    assert not {"script", "img", "bold"} & set(tags.names)
    assert "&lt;script src=" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ufffe\uffff\ud800-\udfff]", page)


def test_a_setting_equal_to_its_default_is_folded_away(tmp_path: Path) -> None:
    shown, folded = report.page(reader(tmp_path)).split("<details>")
    assert "<td>momentum</td>" not in shown
    assert "<td>momentum</td><td>0.9</td>" in folded


@pytest.mark.parametrize("status", few(["running", "failed", "starting", "interrupted"], 1, long=1))
def test_there_is_a_page_of_a_run_in_any_state(tmp_path: Path, status: str) -> None:
    done = write(reader(tmp_path, status=status, done=0 if status == "running" else None), tmp_path / "out", ["svg"])
    assert not done.problems
    page = (tmp_path / "out" / "report.html").read_text()
    assert "dltui train cnn-torch" in page
    assert page.endswith("</body>\n</html>\n")


def test_a_figure_that_fails_is_missing_and_the_rest_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr("dltui.exports.figures.confusion_matrix.export", fail)
    page = report.page(reader(tmp_path))
    assert '<figure id="confusion_matrix">' not in page
    assert '<figure id="mislabeled">' in page


def test_an_svg_brings_only_its_picture() -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9" '
        b'viewBox="0 0 9 9" onload="x()"><!-- a comment --><metadata>m</metadata><script>x()</script>'
        b'<style>p {fill: url(#g)}</style><g id="g" clip-path="url(#c)"/><use xlink:href="#g"/>'
        b'<image xlink:href="http://127.0.0.1:9/x.png"/><image xlink:href="data:image/png;base64,AA=="/></svg>'
    )
    assert inline_svg(svg, "p-") == (
        '<svg viewBox="0 0 9 9"><style>p {fill: url(#p-g)}</style><g id="p-g" clip-path="url(#p-c)" />'
        '<use href="#p-g" /><image href="" /><image href="data:image/png;base64,AA==" /></svg>'
    )


def test_every_figure_has_a_caption() -> None:
    assert {exporter.name for exporter in dltui_exporters() if exporter.kind == "figure"} <= set(report.CAPTIONS)
