"""Other hosts on the screen: the time until all runs of many hosts are listed, and the traffic of a watched run.

    python -m benchmarks.hosts [--hosts 20] [--runs 100] [--ssh] [--seconds 30]

Each host is a home of its own with `--runs` runs, two of them live. By default the servers are started as children;
with `--ssh` through a real sshd on 127.0.0.1, a connection each. All of them run on this machine, so the time to list
includes the start of all servers on its cores: what each takes of a processor is printed beside it. Where each host
has a machine of its own they start at the same time: for this the time is taken once more with servers that have
started and wait. The best of `--times` is shown. Traffic is counted on the link, before ssh encrypts it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from dltui.core.hosts import address
from dltui.core.hosts.address import Host
from dltui.core.hosts.link import Link
from dltui.core.hosts.mirror import Mirror
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.hosts.far_hosts import FarHosts
from tests.helpers import far
from tests.helpers.sample_run import make_sample_run
from tests.helpers.sshd import Sshd

SETTLE = 0.4
"""The seconds in which a server starts while all others do."""


def fill(home: Path, template: Path, runs: int) -> None:
    """A home with copies of a run."""
    for number in range(runs):
        shutil.copytree(template, home / "runs" / f"run-{number:03d}")


def listed(hosts: list[Host], runs: int) -> tuple[float, float, float]:
    """The seconds until all runs of all hosts are known here, of which so many of this process's processor, and the
    processor time of a server.
    """
    found = FarHosts(hosts)
    began, here, there = time.perf_counter(), *_processor()
    found.begin()
    try:
        far.wait_for(lambda: len(found.runs()) == len(hosts) * runs, 300)
        passed, mine = time.perf_counter() - began, _processor()[0] - here
    finally:
        found.end()
    return passed, mine, (_processor()[1] - there) / len(hosts)


@contextlib.contextmanager
def waiting(homes: Mapping[str, Path], folder: Path) -> Iterator[list[Host]]:
    """Hosts whose servers have started and wait for the first question, behind two named pipes each."""
    with contextlib.ExitStack() as stack:
        hosts = []
        for name, home in homes.items():
            pipes = [folder / f"{name}.{way}" for way in ("questions", "answers")]
            for pipe in pipes:
                pipe.unlink(missing_ok=True)
                os.mkfifo(pipe)
            # Kept open here, so that neither side waits for the other to open its end.
            ends = [stack.enter_context(pipe.open("r+b", buffering=0)) for pipe in pipes]
            command = far.host(name, home).command
            server = subprocess.Popen(command, stdin=ends[0], stdout=ends[1])
            stack.callback(server.wait)
            stack.callback(server.kill)
            hosts.append(Host(name, ("sh", "-c", f"cat '{pipes[1]}' & exec cat > '{pipes[0]}'")))
        time.sleep(SETTLE * len(hosts))
        yield hosts


def _processor() -> tuple[float, float]:
    """The processor time of this process and of its children that have ended."""
    found = os.times()
    return found.user + found.system, found.children_user + found.children_system


def watched(host: Host, home: Path, epoch_seconds: float, seconds: float) -> tuple[float, float]:
    """The kB/s that go to a host and come from it while a run of it is watched."""
    name = f"growing-{epoch_seconds:g}"
    growing = RunDirectory(home / "runs" / name)
    program = [sys.executable, "-m", "benchmarks.growing_run", str(growing.path), "--thinned"]
    command = [*program, "--epoch-seconds", str(epoch_seconds)]
    writer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    link = Link(host)
    kept = Mirror(link, name)
    try:
        link.start()
        link.wait()
        far.wait_for(growing.events_path.exists)
        kept.start()
        kept.ready()
        time.sleep(3)
        began, before = time.perf_counter(), list(link.traffic)
        time.sleep(seconds)
        passed = time.perf_counter() - began
        sent, received = ((now - old) / passed / 1000 for now, old in zip(link.traffic, before, strict=True))
        return sent, received
    finally:
        kept.stop()
        link.close()
        writer.kill()
        writer.wait()


def made(options: argparse.Namespace, root: Path) -> tuple[Sshd, list[Host]]:
    """The hosts, with their homes."""
    names = [f"host{number:02d}" for number in range(options.hosts)]
    template = make_sample_run(root, run_id="template").path
    live = make_sample_run(root, run_id="live", status="running").path
    net = Sshd(root / "net", names)
    for home in net.homes.values():
        fill(home, template, options.runs - 2)
        for name in ("alive-1", "alive-2"):
            shutil.copytree(live, home / "runs" / name)
    if not options.ssh:
        return net, [far.host(name, home) for name, home in net.homes.items()]
    (root / "here").mkdir(mode=0o700)
    (root / "here" / "config.toml").write_text(net.settings())
    os.environ["DLTUI_SSH"] = net.program()
    net.start()
    return net, address.chosen(names)


def report_lists(options: argparse.Namespace, hosts: list[Host], net: Sshd, root: Path) -> None:
    """The time until the runs are listed, with servers that are started for it and with such that wait."""
    print(f"transport: {'ssh to one sshd on 127.0.0.1' if options.ssh else 'child processes'}")
    for count in (1, len(hosts)):
        passed, mine, theirs = min(listed(hosts[:count], options.runs) for _ in range(options.times))
        print(
            f"{count} host(s) of {options.runs} runs listed in {passed:.2f} s; processor time here {mine:.2f} s"
            + ("" if options.ssh else f", of each server {theirs:.2f} s"),
            flush=True,
        )
    if options.ssh:
        return
    times = []
    for _ in range(options.times):
        with waiting(net.homes, root) as started:
            times.append(listed(started, options.runs)[:2])
    passed, mine = min(times)
    print(
        f"{len(hosts)} host(s) whose servers have started: {passed:.2f} s; processor time here {mine:.2f} s", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--ssh", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dltui-hosts-") as folder:
        os.environ["DLTUI_HOME"] = f"{folder}/here"
        net, hosts = made(options, Path(folder))
        try:
            report_lists(options, hosts, net, Path(folder))
            for epoch_seconds in (5.0, 0.5):
                sent, received = watched(hosts[0], net.homes[hosts[0].name], epoch_seconds, options.seconds)
                print(
                    f"watched, an epoch in {epoch_seconds:g} s: {sent:.2f} kB/s there, {received:.2f} kB/s here, "
                    f"{sent + received:.2f} kB/s in all",
                    flush=True,
                )
        finally:
            net.stop()


if __name__ == "__main__":
    main()
