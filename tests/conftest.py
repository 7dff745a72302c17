"""Options of the test command."""

import os

import pytest
from hypothesis import settings

# pytest --hypothesis-profile=long tests/faults
settings.register_profile("long", max_examples=5_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=300,
        metavar="N",
        help="how many PyTorch workers the fault harness kills (and a fifth as many of TensorFlow, by default 10)",
    )
    parser.addoption("--kernel", action="store_true", help="try the faults with strace and on a real ext4, as root")
    parser.addoption("--long", action="store_true", help="also what another test shows as well, in more time")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Tests that wait for processes and clocks leave half of the machine idle when there is one for each core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + max(cores // 2, 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: pytest --long runs it"))
