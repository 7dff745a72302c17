"""Downloads files with known checksums from the first mirror that answers; an incomplete file never gets its name."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.contract import PreparationContext
from dltui.core.data import network
from dltui.core.data.exclusive import turn
from dltui.core.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dltui.plugins.datasets.downloads.expected_file import KnownFile

# A mirror that has answered is given up when no byte comes for this long.
STALL_SECONDS = 20.0
CHUNK_BYTES = 1 << 16
# Another run that downloads the same is waited for this long, then it is downloaded twice.
PATIENCE = 600.0
TEMP = ".tmp-"


def download(
    dataset: str, files: Sequence[KnownFile], mirrors: Sequence[str], context: PreparationContext
) -> list[Path]:
    """The files in the cache, each fetched unless it is there. Raises RunError when no mirror has them."""
    folder = context.downloads / dataset
    paths.ensure_private_dir(folder)

    def waiting() -> None:
        context.progress(f"waiting for another run that downloads {dataset}")

    with turn(folder / ".lock", PATIENCE, waiting) as alone:
        if alone:
            for leftover in folder.glob(f"{TEMP}*"):
                shutil.rmtree(leftover, ignore_errors=True)
        missing = [file for file in files if not _is_there(folder, file)]
        if missing:
            _from_mirrors(dataset, missing, mirrors, folder, context)
    return [folder / file.name for file in files]


def _is_there(folder: Path, file: KnownFile) -> bool:
    from dltui.plugins.datasets.downloads.expected_file import problem

    return problem(folder / file.name, file) is None


def _from_mirrors(
    dataset: str, missing: Sequence[KnownFile], mirrors: Sequence[str], folder: Path, context: PreparationContext
) -> None:
    smallest = min(missing, key=lambda file: file.size)
    context.progress(f"looking for a place to download {dataset} from")
    urls = {f"{mirror}/{smallest.name}": mirror for mirror in mirrors}
    failures = []
    for url, silence in network.answers(list(urls), network.SECONDS):
        failure = silence or _from_mirror(dataset, missing, urls[url], folder, context)
        if failure is None:
            return
        failures.append(f"{network.host(url)} ({failure})")
    raise RunError(
        f"{dataset} is not on this machine and cannot be downloaded from {' or '.join(failures)}; point --data-dir at "
        "a folder with its files, or train on the embedded digits: --dataset digits",
        {"dataset": "digits"},
    )


def _from_mirror(
    dataset: str, missing: Sequence[KnownFile], mirror: str, folder: Path, context: PreparationContext
) -> str | None:
    """Fetch the missing files from a mirror; what has arrived stays for the next mirror. Returns the reason for a
    failure, or None.
    """
    total = sum(file.size for file in missing)
    before = 0
    for file in missing:
        if not _is_there(folder, file):
            failure = _fetch(f"{mirror}/{file.name}", file, folder, _Meter(dataset, before, file.size, total, context))
            if failure is not None:
                return failure
        before += file.size
    return None


def _fetch(url: str, file: KnownFile, folder: Path, meter: _Meter) -> str | None:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(
        progressbar=meter,
        chunk_size=CHUNK_BYTES,
        timeout=STALL_SECONDS,
        # A server that packs or unpacks on the way would change the bytes.
        headers={"Accept-Encoding": "identity"},
    )
    with _temporary(folder) as temp:
        try:
            pooch.retrieve(url, f"sha256:{file.sha256}", file.name, temp, downloader=downloader)
            (temp / file.name).replace(folder / file.name)
        except (OSError, ValueError) as error:
            # requests' exceptions are OSErrors, as is a full disk: that one no other mirror can help.
            if getattr(error, "errno", None):
                raise
            return network.reason(error)
    return None


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    temp = Path(tempfile.mkdtemp(prefix=TEMP, dir=folder))
    try:
        yield temp
    finally:
        shutil.rmtree(temp, ignore_errors=True)


class _Meter:
    """The progress meter that pooch updates while it downloads a file: the fraction of all files that has arrived."""

    def __init__(self, dataset: str, before: int, size: int, all_bytes: int, context: PreparationContext) -> None:
        self.total: Any = 0
        self._text = f"downloading {dataset} ({max(1, round(all_bytes / 1e6)):,} MB)"
        self._before, self._size, self._all, self._done = before, size, all_bytes, 0
        self._context = context

    def update(self, count: int) -> None:
        # pooch counts whole chunks, also when the last one is not full.
        self._done = min(self._done + count, self._size)
        self._context.progress(self._text, (self._before + self._done) / self._all)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Do nothing; required by pooch."""
