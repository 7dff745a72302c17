"""Copies batches of samples to their device, to a GPU while it still computes the steps before."""

from __future__ import annotations

import torch
from torch import Tensor

BUFFERS = 2


class Uploads:
    """Copies batches of one shape to `device`. A GPU reads them by itself, from a few buffers in memory that the system
    cannot move. Each is written to again when the GPU has read it: the host is never more batches ahead, and takes no
    more of that memory than they need. Where there is none, the host waits for each copy.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._pins = device, device.type == "cuda"
        self._buffers: list[tuple[Tensor, torch.cuda.Event]] = []
        self._turn = 0

    def copied(self, batch: Tensor) -> Tensor:
        """The batch on the device."""
        buffer = self._next_buffer(batch) if self._pins else None
        if buffer is None:
            return batch.to(self._device)
        pinned, was_read = buffer
        was_read.synchronize()
        found = pinned.copy_(batch).to(self._device, non_blocking=True)
        was_read.record()
        return found

    def _next_buffer(self, like: Tensor) -> tuple[Tensor, torch.cuda.Event] | None:
        """The buffer whose turn it is, and the event after which the GPU has read it; None where there is none."""
        if self._buffers and self._buffers[0][0].shape != like.shape:
            self._buffers.clear()
        self._turn = (self._turn + 1) % BUFFERS
        if len(self._buffers) < BUFFERS:
            try:
                pinned = torch.empty_like(like, pin_memory=True)
            except RuntimeError:
                self._pins = False
                self._buffers.clear()
                return None
            # The host sleeps while it waits: its cores are needed to read samples.
            self._buffers.append((pinned, torch.cuda.Event(blocking=True)))  # type: ignore[no-untyped-call]
            self._turn = len(self._buffers) - 1
        return self._buffers[self._turn]
