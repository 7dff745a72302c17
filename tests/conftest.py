"""Options of the test command."""

import datetime
import functools
import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dltui.core.worker.figures import NONE
from tests.helpers import known_catalog
from tests.helpers.marks import is_long

# No test fails because the machine is slow.
settings.register_profile("any-speed", deadline=None)
settings.load_profile("any-speed")
# A test without `--long` makes fewer examples.
settings.register_profile("few", settings.get_profile("any-speed"), max_examples=40)
# pytest --hypothesis-profile=long tests/faults
settings.register_profile("long", settings.get_profile("any-speed"), max_examples=5_000)


# Drawing figures takes longer than most runs of the tests train. Those that look at figures take it out again.
os.environ["DLTUI_FORMAT"] = NONE
# Told to the processes that share the tests: each would else look at the date, and at midnight find other tests.
os.environ.setdefault("DLTUI_TEST_SEED", str(datetime.datetime.now(datetime.UTC).date().toordinal()))
# Idle threads of PyTorch and of NumPy sleep instead of spinning: the tests share few cores, and importing NumPy takes
# twice the processor time otherwise.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        metavar="N",
        help="how many PyTorch workers the fault harness kills, and a fifth as many of TensorFlow "
        "(by default 3 and none, with --long 6 and none, with --longest 60 and 6)",
    )
    parser.addoption("--kernel", action="store_true", help="try the faults with strace and on a real ext4, as root")
    parser.addoption("--long", action="store_true", help="also what another test shows as well, in more time")
    parser.addoption("--longest", action="store_true", help="as --long, and what the long ones show, once more")


def pytest_configure(config: pytest.Config) -> None:
    # Under nohup, or started in the background by a script, all programs that tests start would ignore these.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not is_long(config) and not config.getoption("--hypothesis-profile"):
        settings.load_profile("few")


@pytest.fixture(autouse=True)
def own_variables() -> Iterator[None]:
    """Takes back what a command that ran in this process set for the processes it would start."""
    before = {name: value for name, value in os.environ.items() if name.startswith("DLTUI_")}
    yield
    for name in [name for name in os.environ if name.startswith("DLTUI_") and name not in before]:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def know_catalog(tmp_path_factory: pytest.TempPathFactory) -> known_catalog.Fill:
    """Makes a home that knows the plugins in the box and the fake one."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return functools.partial(known_catalog.fill, known_catalog.ask_once(shared))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each core: tests that wait for processes and clocks would leave half of the machine idle."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 * cores


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """The tests and what they import stay to the end: the garbage collector looks for garbage elsewhere only."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long ones, and begin with the slowest: none of them then comes last and alone."""
    for name, wanted in (("long", is_long(config)), ("longest", config.getoption("--longest"))):
        for item in () if wanted else items:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=f"{name}: pytest --{name} runs it"))
    slowest = slow_files(items)
    others = [item for item in items if not seconds(item)]
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    share = -(-len(items) // workers)
    # A worker begins with a share of the list, in its order, and takes over from others later.
    dealt = [[item for file in slowest[worker::workers] for item in file] for worker in range(workers)]
    items[:] = []
    for mine in dealt:
        room = max(0, share - len(mine))
        items += [*mine, *others[:room]]
        others = others[room:]
    items += others


def slow_files(items: list[pytest.Item]) -> list[list[pytest.Item]]:
    """The slow tests of each file together, as they may share what is made for them; those that take longest first."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in sorted((item for item in items if seconds(item)), key=seconds, reverse=True):
        files.setdefault(item.path, []).append(item)
    return sorted(files.values(), key=lambda file: -sum(map(seconds, file)))


def seconds(item: pytest.Item) -> float:
    """About how long a test takes by its mark `slow(seconds)`; 0 for those that take a few seconds at most."""
    marker = item.get_closest_marker("slow")
    return float(marker.args[0]) if marker and marker.args else 0.0
