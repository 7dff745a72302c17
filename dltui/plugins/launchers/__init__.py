"""The built-in launchers: a process of this machine, Slurm's queue, and Ray."""

from __future__ import annotations

from dltui.core.contract.launchers import Launcher
from dltui.plugins.launchers import local, ray, slurm

LAUNCHERS = [local.LAUNCHER, slurm.LAUNCHER, ray.LAUNCHER]

__all__ = ["LAUNCHERS", "Launcher"]
