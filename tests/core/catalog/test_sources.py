"""Plugins are found by looking at files; a digest changes when a probe might answer otherwise."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from dltui.core.catalog import sources
from dltui.core.catalog.sources import Source
from tests.helpers.installations import MODEL, distribution

PLUGIN = MODEL.format(id="m", framework="numpy")


def only(folder: Path) -> Source:
    (found,) = sources.scan([str(folder)], "python").sources
    return found


def test_own_agrees_with_importlib() -> None:
    found = sources.own()
    ours = next(source for source in found.sources if source.name == "dltui")
    points = importlib.metadata.distribution("dltui").entry_points.select(group="dltui")
    assert set(ours.entry_points) == {(point.name, point.value) for point in points}
    assert found.version("numpy") == importlib.metadata.version("numpy")
    assert found.version("Typing_Extensions") == importlib.metadata.version("typing-extensions")
    assert found.version("no-such-package") is None


def test_a_distribution_is_found_by_its_entry_points(tmp_path: Path) -> None:
    distribution(tmp_path, "my-plugin", "2.1", PLUGIN)
    distribution(tmp_path, "other")
    found = only(tmp_path)
    assert (found.kind, found.name, found.version) == ("distribution", "my-plugin", "2.1")
    assert found.entry_points == (("main", "my_plugin"),)
    assert Source.from_json(found.to_json()) == found


def test_the_first_folder_wins(tmp_path: Path) -> None:
    distribution(tmp_path / "a", "my-plugin", "1.0", PLUGIN)
    distribution(tmp_path / "b", "my-plugin", "2.0", PLUGIN)
    found = sources.scan([str(tmp_path / "a"), str(tmp_path / "b")], "python")
    assert [source.version for source in found.sources] == ["1.0"]
    assert found.packages == {"my-plugin": "1.0"}


def test_what_ships_in_the_box_comes_first(tmp_path: Path) -> None:
    for name in ("aaa", "dltui", "zzz"):
        distribution(tmp_path, name, plugin=PLUGIN)
    assert [source.name for source in sources.scan([str(tmp_path)], "python").sources] == ["dltui", "aaa", "zzz"]


def test_digest_changes_with_the_installation(tmp_path: Path) -> None:
    metadata = distribution(tmp_path, "my-plugin", plugin=PLUGIN)
    before = only(tmp_path).digest
    assert only(tmp_path).digest == before
    (metadata / "RECORD").write_text("y")
    after = only(tmp_path).digest
    assert after != before
    # What it imports may be there now.
    distribution(tmp_path, "torch")
    assert only(tmp_path).digest != after


def test_digest_of_an_editable_one_is_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder is on the path of some processes, and so is a folder twice."""
    project = tmp_path / "project"
    metadata = distribution(tmp_path / "site", "my-plugin", plugin=PLUGIN)
    project.mkdir()
    (tmp_path / "site" / "my_plugin.py").rename(project / "my_plugin.py")
    (metadata / "direct_url.json").write_text(f'{{"url": "file://{project}", "dir_info": {{"editable": true}}}}')
    site = str(tmp_path / "site")
    found = set()
    for folders in ([site], ["", site], [str(project), site, str(project)], [str(tmp_path), site]):
        for place in (tmp_path, project):
            monkeypatch.chdir(place)
            found.add(sources.scan(folders, "python").sources[0].digest)
    assert len(found) == 1


def test_digest_of_an_editable_one_changes_with_its_files(tmp_path: Path) -> None:
    metadata = distribution(tmp_path / "site", "my-plugin", plugin=PLUGIN)
    project = tmp_path / "project"
    (project / "src" / "my_plugin" / "deep").mkdir(parents=True)
    code = project / "src" / "my_plugin" / "deep" / "net.py"
    code.write_text("a = 1")
    (tmp_path / "site" / "my_plugin.py").unlink()
    (metadata / "direct_url.json").write_text(f'{{"url": "file://{project}", "dir_info": {{"editable":true}}}}')
    before = only(tmp_path / "site").digest
    assert only(tmp_path / "site").digest == before
    code.write_text("a = 22")
    assert only(tmp_path / "site").digest != before


def test_an_editable_one_lies_in_a_folder_whose_url_is_quoted(tmp_path: Path) -> None:
    """Blanks and letters such as ü stand as %20 and %C3%BC in what pip writes."""
    metadata = distribution(tmp_path / "site", "my-plugin", plugin=PLUGIN)
    project = tmp_path / "My Bücher"
    project.mkdir()
    code = (tmp_path / "site" / "my_plugin.py").rename(project / "my_plugin.py")
    (metadata / "direct_url.json").write_text(f'{{"dir_info": {{"editable": true}}, "url": "{project.as_uri()}"}}')
    assert "%20" in project.as_uri()
    before = only(tmp_path / "site").digest
    code.write_text("a = 22")
    assert only(tmp_path / "site").digest != before
    installed = sources.scan([str(tmp_path / "site")], "python")
    assert sources.local_origin("my-plugin", installed) == f"-e '{project}'"
    assert sources.local_origin("other", installed) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 3}', '{"url": "https://host/x.whl", "dir_info": 3}'])
def test_an_origin_that_is_not_of_this_machine_is_none(tmp_path: Path, text: str) -> None:
    metadata = distribution(tmp_path, "my-plugin", plugin=PLUGIN)
    (metadata / "direct_url.json").write_text(text)
    assert only(tmp_path).name == "my-plugin"
    assert sources.local_origin("my-plugin", sources.scan([str(tmp_path)], "python")) == ""


def test_digest_of_a_file_changes_with_its_content(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("a = 1")
    here = sources.own()
    (before,) = sources.file_sources([file], here)
    assert sources.file_sources([file], here) == [before]
    file.write_text("a = 2")
    (after,) = sources.file_sources([file], here)
    assert (after.name, after.path) == ("net.py", str(file))
    assert after.digest != before.digest


def test_digest_of_a_file_changes_with_what_it_imports_beside_it(tmp_path: Path) -> None:
    file, package = tmp_path / "net.py", tmp_path / "parts"
    package.mkdir()
    (package / "__init__.py").write_text("")
    texts = {"net.py": "from blocks import A, B\n", "blocks.py": "import parts.deep\n", "unused.py": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    def found() -> str:
        return sources.file_sources([file], sources.own())[0].digest

    seen = [found()]
    for path in (tmp_path / "blocks.py", package / "deep.py"):
        path.write_text("import parts.deep\nSIZE = 3\n")
        seen.append(found())
    assert len(set(seen)) == 3
    (tmp_path / "unused.py").write_text("SIZE = 4\n")
    assert found() == seen[-1]
    (tmp_path / "blocks.py").unlink()
    assert found() not in seen


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "net.py", tmp_path / "b" / "net.py"]
    for path in paths:
        path.parent.mkdir()
        path.write_text("")
    found = sources.file_sources([*paths, paths[0]], sources.own())
    assert [source.name for source in found] == ["net.py", str(paths[1])]


def test_the_working_directory_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, "evil", plugin=PLUGIN)
    monkeypatch.chdir(tmp_path)
    for first in ("", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [first, *sys.path])
        assert "evil" not in [source.name for source in sources.own().sources]
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)


def test_another_distribution_of_the_same_module_counts(tmp_path: Path) -> None:
    """`tensorflow-cpu` gives the module tensorflow; a leftover of its metadata alone does not."""
    distribution(tmp_path, "tensorflow-cpu", "2.21.0")
    assert sources.scan([str(tmp_path)], "python").version("tensorflow") is None
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("")
    assert sources.scan([str(tmp_path)], "python").version("tensorflow") == "2.21.0"


def test_unreadable_places_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken-1.0.dist-info").write_text("a file")
    (tmp_path / "odd.egg-info").mkdir()
    (tmp_path / "odd.egg-info" / "entry_points.txt").write_bytes(b"[dltui]\n\xff\xfe = \xff\nno equals sign\n")
    found = sources.scan([str(tmp_path), str(tmp_path / "missing"), ""], "python")
    assert [source.name for source in found.sources] == ["odd"]


def test_what_a_file_imports_of_its_own_package(tmp_path: Path) -> None:
    """Above it too, by names or by dots, and over several lines; nothing else of the package."""
    texts = {
        "__init__.py": "",
        "common.py": "SIZE = 3\n",
        "unused.py": "",
        "deep/__init__.py": "from .. import (\n    twice,\n)\n",
        "deep/near.py": "",
        "twice.py": "",
        "data/__init__.py": "",
        "data/rings.py": "from my_pkg.common import SIZE\nfrom ..deep import near\n",
        "data/other.py": "",
    }
    for name, text in texts.items():
        file = tmp_path / "my_pkg" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    imported = sources.imported_within(tmp_path / "my_pkg" / "data" / "rings.py")
    found = {path.relative_to(tmp_path / "my_pkg").as_posix() for path in imported}
    assert found == {"__init__.py", "common.py", "deep/__init__.py", "deep/near.py", "twice.py"}
    alone = tmp_path / "alone.py"
    alone.write_text("import beside\n")
    (tmp_path / "beside.py").write_text("")
    assert sources.imported_within(alone) == [tmp_path / "beside.py"]
