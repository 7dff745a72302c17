"""The control groups around this process, whose limits hold for it beside those of the machine (Linux)."""

from __future__ import annotations

from pathlib import Path


def unified(root: Path) -> list[Path]:
    """The folders of cgroup v2: those of its own group and of the groups that contain it."""
    return [
        folder
        for controllers, group in _groups(root)
        if controllers == ""
        for folder in _around(root / "sys/fs/cgroup", group)
    ]


def legacy(root: Path, controller: str, mounts: tuple[str, ...] = ()) -> list[Path]:
    """The folders of a controller of cgroup v1 that contain this process; the controller may be mounted under several
    names.
    """
    return [
        folder
        for controllers, group in _groups(root)
        if controller in controllers.split(",")
        for mount in mounts or (controller,)
        for folder in _around(root / "sys/fs/cgroup" / mount, group)
    ]


def words(path: Path) -> list[str]:
    """The words in a file of a group; none when it cannot be read."""
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def _groups(root: Path) -> list[tuple[str, str]]:
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = (line.split(":", 2) for line in lines)
    return [(parts[1], parts[2]) for parts in found if len(parts) == 3]


def _around(mount: Path, group: str) -> list[Path]:
    """The group's folder and those that contain it: every one of them can set a limit."""
    folder = mount / group.lstrip("/")
    inside = [folder, *folder.parents] if ".." not in folder.parts else [mount]
    return [path for path in inside if path.is_relative_to(mount)]
