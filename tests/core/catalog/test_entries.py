"""The catalog: what can be chosen, why something cannot, kept answers, and frameworks in interpreters of their own."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.catalog import probe, questions
from dltui.core.catalog.assemble import load_catalog, missing_plugin
from dltui.core.catalog.entries import Catalog, entry_of
from dltui.core.catalog.sources import own, scan
from dltui.core.errors import UsageError
from dltui.core.machine import sandbox
from tests.helpers.installations import BACKEND, MODEL, distribution, interpreter
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, know_catalog: Fill) -> Path:
    """Shared by the tests that are about something else than kept answers."""
    folder = tmp_path_factory.mktemp("shared") / "home"
    know_catalog(folder)
    return folder / "cache"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Path) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLTUI_CACHE", str(answers))
    monkeypatch.delenv("DLTUI_CONFIG", raising=False)
    return tmp_path / "home"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, answers: Path) -> Catalog:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("DLTUI_CACHE", str(answers))
        return load_catalog([FAKE])


def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(sandbox, "run_all", refuse)


def test_entries_tell_what_a_form_needs(catalog: Catalog) -> None:
    model = catalog.models["softmax-numpy"]
    assert (model.name, model.framework, model.task, model.available) == ("softmax", "numpy", "classification", True)
    lr = model.field("lr")
    assert lr is not None
    assert lr.range_text() == "0 < lr <= 10"
    assert model.field("nothing") is None
    data = catalog.datasets["blobs"]
    assert (data.input_shape, data.classes, data.train_size, data.embedded) == ((8, 8, 1), 3, 480, True)
    assert [spec.name for spec in data.fields] == ["validation", "split_seed", "drop", "n", "noise", "seed"]
    backend = catalog.backends["numpy"]
    assert backend.version
    assert backend.python == sys.executable


def test_sources_load_exactly_one_plugin(catalog: Catalog) -> None:
    source = dict(catalog.models["softmax-numpy"].source)
    assert (source["kind"], source["name"], source["path"]) == ("file", "fake_plugin.py", str(FAKE))
    for entry in [*catalog.models.values(), *catalog.datasets.values()]:
        if entry.source["kind"] == "distribution":
            assert len(entry.source["entry_points"]) == 1


def test_names_and_suggestions(catalog: Catalog) -> None:
    assert catalog.model("softmax-numpy").id == "softmax-numpy"
    assert catalog.dataset("blobs").name == "blobs"
    with pytest.raises(UsageError, match=r'no model "softmx-numpy"; did you mean softmax-numpy'):
        catalog.model("softmx-numpy")
    with pytest.raises(UsageError, match=r'no dataset "blob"; did you mean blobs'):
        catalog.dataset("blob")
    with pytest.raises(UsageError, match=r'no dataset "\\x1b\[2Jx"; dltui datasets lists them'):
        catalog.dataset("\x1b[2Jx")


def test_a_path_that_the_system_does_not_look_at_is_none() -> None:
    with pytest.raises(UsageError, match="is not a path; use folder:PATH or csv:PATH"):
        entry_of("/" + "a" * 300, Catalog())


def test_a_name_without_framework_means_one_that_is_here() -> None:
    """PyTorch first, but only where it is installed."""
    one = Catalog()
    base = load_catalog([FAKE]).models["softmax-numpy"]
    for framework, available in (("jax", True), ("torch", False), ("tensorflow", True)):
        entry = replace(base, id=f"cnn-{framework}", name="cnn", framework=framework, available=available)
        one.models[entry.id] = entry
    assert one.model("cnn").id == "cnn-jax"
    one.models["cnn-torch"] = replace(one.models["cnn-torch"], available=True)
    assert one.model("cnn").id == "cnn-torch"


def test_answers_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_catalog([FAKE])
    no_processes(monkeypatch)
    again = load_catalog([FAKE])
    assert again.models == first.models
    assert again.datasets == first.datasets
    with pytest.raises(AssertionError, match="a process was started"):
        load_catalog([FAKE], refresh=True)


def test_a_changed_file_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(MODEL.format(id="one", framework="numpy"))
    assert "one" in load_catalog([file]).models
    file.write_text(MODEL.format(id="two", framework="numpy"))
    found = load_catalog([file]).models
    assert "two" in found
    assert "one" not in found


NOT_JSON = (b"", b"{", b"[]", b"null", b"[" * 200_000, b"\xff\xff")


def test_damaged_kept_answers_are_no_problem(home: Path, know_catalog: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    know_catalog(home)
    monkeypatch.setenv("DLTUI_CACHE", str(home / "cache"))
    for file in sorted((home / "cache" / "catalog").glob("*.json")):
        for content in NOT_JSON:
            file.write_bytes(content)
            assert probe.kept(file.stem) is None
        file.write_bytes(b'{"models": 3}')
    assert "softmax-numpy" in load_catalog([FAKE]).models


def test_a_cache_that_cannot_be_written_costs_time_only(cache: Path) -> None:
    cache.write_text("a file in the way")
    assert "softmax-numpy" in load_catalog([FAKE]).models


def test_plugins_folder(home: Path) -> None:
    (home / "plugins").mkdir(parents=True)
    (home / "plugins" / "mine.py").write_text(MODEL.format(id="mine", framework="numpy"))
    (home / "plugins" / "_helper.py").write_text("raise ValueError")
    (home / "plugins" / "notes.txt").write_text("raise ValueError")
    found = load_catalog([str(home / "plugins" / "mine.py")])
    assert "mine" in found.models
    assert [source.name for source in found.sources if source.kind == "file"] == ["mine.py"]


def test_a_missing_plugin_file_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no plugin file .*nothing\.py"):
        load_catalog([tmp_path / "nothing.py"])


def test_broken_settings_are_wrong_use(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[frameworks.torch\n")
    with pytest.raises(UsageError, match=r"config.toml is not valid TOML"):
        load_catalog()


def test_a_framework_that_is_not_installed(tmp_path: Path) -> None:
    """Its models are listed with the command that installs it."""
    code = BACKEND.format(name="jaxy", package="no-such-jaxy")
    (tmp_path / "backend.py").write_text(code)
    (tmp_path / "model.py").write_text(MODEL.format(id="cnn-jaxy", framework="jaxy"))
    (tmp_path / "lost.py").write_text(MODEL.format(id="cnn-lost", framework="lost"))
    (tmp_path / "near.py").write_text(MODEL.format(id="cnn-near", framework="pyjaxy"))
    (tmp_path / "eager.py").write_text("import no_such_jaxy\n" + MODEL.format(id="eager", framework="jaxy"))
    found = load_catalog([tmp_path / f"{name}.py" for name in ("model", "backend", "near", "lost", "eager")])
    assert found.backends["jaxy"].version is None
    assert not found.models["cnn-jaxy"].available
    assert found.models["cnn-jaxy"].reason == "needs The jaxy: pip install no-such-jaxy"
    assert found.models["cnn-lost"].reason == 'no plugin brings the framework "lost"; there are tensorflow, torch, jaxy'
    assert found.models["cnn-near"].reason == 'no plugin brings the framework "pyjaxy"; did you mean jaxy?'
    assert ("eager.py", "needs the module no_such_jaxy, which is not installed (eager.py line 1)") in found.problems


def test_a_file_that_imports_a_missing_framework_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "backend.py").write_text(BACKEND.format(name="jaxy", package="nojaxy"))
    (tmp_path / "net.py").write_text("import nojaxy.nn as nn\n" + MODEL.format(id="net", framework="jaxy"))
    found = load_catalog([tmp_path / "net.py", tmp_path / "backend.py"])
    assert ("net.py", "needs The jaxy: pip install nojaxy") in found.problems


def test_an_installed_plugin_comes_through_the_same_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, "my-plugin", "2.0", MODEL.format(id="mine", framework="numpy"))
    distribution(tmp_path, "bad-plugin", "1.0", "raise ValueError('no')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = load_catalog([FAKE])
    assert found.models["mine"].available
    assert found.models["mine"].source["name"] == "my-plugin"
    assert ("bad-plugin", "main: ValueError: no (bad_plugin.py line 1)") in found.problems


def test_a_framework_with_an_interpreter_of_its_own(tmp_path: Path, home: Path) -> None:
    """Availability, version and further plugins come from there; so does a file that imports the framework."""
    python, site = interpreter(tmp_path / "venv")
    distribution(site, "nojaxy", "7.5", record="x")
    (site / "nojaxy.py").write_text("")
    (site / "beside_nojaxy.py").write_text("")
    distribution(site, "only-there", "1.0", MODEL.format(id="there", framework="jaxy"))
    (tmp_path / "backend.py").write_text(BACKEND.format(name="jaxy", package="nojaxy"))
    (tmp_path / "net.py").write_text("import nojaxy\n" + MODEL.format(id="net", framework="jaxy"))
    # What goes with a framework may be imported before it, or alone.
    (tmp_path / "first.py").write_text("import beside_nojaxy, nojaxy\n" + MODEL.format(id="first", framework="jaxy"))
    home.mkdir()
    (home / "config.toml").write_text(f'[frameworks.jaxy]\npython = "{python}"\n')
    files = [tmp_path / "net.py", tmp_path / "first.py", tmp_path / "backend.py", FAKE]
    found = load_catalog(files)
    assert (found.backends["jaxy"].version, found.backends["jaxy"].python) == ("7.5", str(python))
    for name in ("there", "net", "first"):
        assert found.models[name].available, found.models[name].reason
        assert found.models[name].source["python"] == str(python)
    assert found.models["softmax-numpy"].source["python"] == sys.executable
    assert found.problems == [problem for problem in found.problems if problem[0] == "dltui"]
    assert questions.framework_devices(found.backends["jaxy"])[0]["name"] == "a test"
    # Removed from there: noticed without starting that interpreter for nothing else.
    (site / "nojaxy-7.5.dist-info").rename(site / "gone")
    assert load_catalog(files).backends["jaxy"].version is None


def test_a_file_of_which_a_part_works_stays_where_it_does(tmp_path: Path, home: Path) -> None:
    """Another interpreter has the module of one hook, and lacks what the file or its other hook imports."""
    python, site = interpreter(tmp_path / "venv")
    (site / "only_there.py").write_text("")
    hook = "@hookimpl\ndef dltui_{}():\n    import {}\n    return []\n"
    data, table = hook.format("datasets", "only_there"), hook.format("exporters", "nowhere_at_all")
    (tmp_path / "one.py").write_text("import click\n" + MODEL.format(id="one", framework="numpy") + data)
    (tmp_path / "two.py").write_text(MODEL.format(id="two", framework="numpy") + data + table)
    home.mkdir()
    (home / "config.toml").write_text(f'[frameworks.jaxy]\npython = "{python}"\n')
    found = load_catalog([tmp_path / "one.py", tmp_path / "two.py", FAKE])
    for name in ("one", "two"):
        assert found.models[name].available
        (source,) = [one for one in found.sources if one.name == f"{name}.py"]
        assert source.python == sys.executable


def test_a_file_of_which_nothing_works_goes_where_a_part_of_it_does(tmp_path: Path, home: Path) -> None:
    """One hook needs a module that another interpreter has, the other hook one that nobody has."""
    python, site = interpreter(tmp_path / "venv")
    (site / "only_there.py").write_text("")
    hook = "from dltui import hookimpl\n@hookimpl\ndef dltui_{}():\n    import {}\n    return []\n"
    data, table = hook.format("datasets", "only_there"), hook.format("exporters", "nowhere_at_all")
    (tmp_path / "one.py").write_text(data + table)
    home.mkdir()
    (home / "config.toml").write_text(f'[frameworks.jaxy]\npython = "{python}"\n')
    found = load_catalog([tmp_path / "one.py", FAKE])
    (source,) = [one for one in found.sources if one.name == "one.py"]
    assert source.python == str(python)
    assert [reason for name, reason in found.problems if name == "one.py" and "only_there" in reason] == []


def test_other_interpreters_are_not_started_for_a_kept_answer(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, _ = interpreter(tmp_path / "venv")
    home.mkdir()
    (home / "config.toml").write_text(f'[frameworks.numpy]\npython = "{python}"\n')
    first = load_catalog([FAKE])
    no_processes(monkeypatch)
    assert load_catalog([FAKE]).models == first.models


@pytest.mark.parametrize("kind", ["missing", "directory", "no dltui", "no python"])
def test_an_interpreter_that_cannot_be_used(tmp_path: Path, home: Path, kind: str) -> None:
    """The models stay listed, with the reason; everything else works."""
    python, words = tmp_path / "nowhere" / "python", "cannot start .*: No such file"
    if kind == "directory":
        python, words = tmp_path, "cannot start .*: Permission denied"
    if kind == "no dltui":
        python, _ = interpreter(tmp_path / "venv", with_dltui=False)
        words = f"dltui is not installed in {python}; run: {python} -m pip install dltui"
    if kind == "no python":
        python, words = Path("/bin/false"), "ended its process while starting .exit code 1."
    home.mkdir()
    (home / "config.toml").write_text(f'[frameworks.numpy]\npython = "{python}"\n')
    found = load_catalog([FAKE])
    model = found.models["softmax-numpy"]
    assert not model.available
    assert re.match(words, model.reason), model.reason
    assert found.backends["numpy"].problem == model.reason
    assert "blobs" in found.datasets


@pytest.mark.long
def test_a_plugin_that_its_frameworks_interpreter_lacks(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, site = interpreter(tmp_path / "venv")
    distribution(site, "numpy", "9.9")
    distribution(tmp_path / "here", "my-plugin", "2.0", MODEL.format(id="mine", framework="numpy"))
    monkeypatch.syspath_prepend(str(tmp_path / "here"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "here"))
    home.mkdir()
    (home / "config.toml").write_text(f'[frameworks.numpy]\npython = "{python}"\n')
    assert load_catalog([FAKE]).models["mine"].available
    monkeypatch.setattr(probe, "installed", lambda p, *_: own() if p == sys.executable else scan([str(site)], p))
    model = load_catalog([FAKE]).models["mine"]
    assert not model.available
    assert model.reason == f"my-plugin is not installed in {python}; run: {python} -m pip install my-plugin"


def test_a_plugin_of_a_folder_is_installed_from_there(tmp_path: Path) -> None:
    """An index has no package of its name, or a stranger's."""
    metadata = distribution(tmp_path / "here", "my-plugin", plugin=MODEL.format(id="mine", framework="numpy"))
    catalog = Catalog(installed={"there": scan([], "there")})
    told = "my-plugin is not installed in there; run: there -m pip install "
    for editable, words in (("true", "-e '/home/me/my net'"), ("false", "'/home/me/my net'")):
        origin = f'{{"url": "file:///home/me/my%20net", "dir_info": {{"editable": {editable}}}}}'
        (metadata / "direct_url.json").write_text(origin)
        catalog.installed["here"] = scan([str(tmp_path / "here")], "here")
        (source,) = catalog.installed["here"].sources
        assert missing_plugin(source.to_json(), "there", catalog) == told + words
    (metadata / "direct_url.json").unlink()
    assert missing_plugin(source.to_json(), "there", catalog) == told + "my-plugin"


def test_questions(catalog: Catalog) -> None:
    model, data = catalog.models["softmax-numpy"], catalog.datasets["blobs"]
    assert questions.full_config(model, {"lr": 0.5})["lr"] == 0.5
    with pytest.raises(UsageError, match=r"^lr must be greater than 0 and at most 10, got -1$"):
        questions.full_config(model, {"lr": -1})
    assert questions.full_options(data, {"n": 50})["n"] == 50
    with pytest.raises(UsageError, match=r"^n must be a whole number from 20"):
        questions.full_options(data, {"n": 1})
    assert questions.dataset_files(data, {}, []) is None
    spec = {"task": "classification", "input_shape": [8, 8, 1], "outputs": 3}
    assert questions.network_layers(model, catalog.backends["numpy"], {}, spec) == [
        {"name": "dense", "kind": "Dense", "output": [3], "parameters": 195}
    ]
    assert questions.framework_devices(catalog.backends["numpy"])[0]["device"] == "cpu"


def test_built_in_plugins_that_are_not_there_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = distribution(tmp_path, "half", plugin=MODEL.format(id="half", framework="numpy"))
    (metadata / "entry_points.txt").write_text("[dltui]\na = half\nb = half.nothing\nc = half:nothing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = load_catalog()
    assert "half" in found.models
    reasons = [reason for name, reason in found.problems if name == "half"]
    assert reasons == [
        "b: needs the module half.nothing, which is not installed",
        "c: AttributeError: module 'half' has no attribute 'nothing'",
    ]


def test_the_viewers_side_imports_nothing_heavy(home: Path) -> None:
    code = (
        "import sys; from dltui.core.catalog.assemble import load_catalog; "
        "import dltui.core.lifecycle.create, dltui.core.lifecycle.start, dltui.core.finders.find; load_catalog(); "
        "sys.exit(', '.join({'numpy', 'pydantic', 'pluggy', 'torch', 'tensorflow', 'textual'} & set(sys.modules)) or 0)"
    )
    load_catalog()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
