"""Finds near duplicates among images: the same picture with noise, moved by a pixel, brighter, or compressed again.

Candidates are neighbors by the magnitudes of low spatial frequencies, which a shift does not change, searched within
cells of similar images. A pair is confirmed by what is left of one image after the other has been moved and fitted to
it in brightness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.data.findings.small import gray

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

LEAST_SIDE = 16
"""Smaller images have too few pixels to tell near duplicates from things that look alike."""
FREQUENCIES = 5
REACH = 2
"""The shifts in pixels that are tried."""
NEIGHBORS = 2
ALIKE = 0.85
"""The cosine of two descriptors from which they are candidates."""
IN_PLACE = 0.985
"""The correlation of the low frequencies of two images, moved on one another, from which they are compared whole."""
RESIDUE = 0.03
"""The residue of a pair in units of its contrast below which it is a near duplicate. Chosen on Fashion-MNIST, where
`benchmarks/data_truth.py` tells what it finds there."""
NOISY_RESIDUE = 0.09
"""That of a pair whose residue is white noise: of it less than `NOISE` is left where neighbors are averaged."""
NOISE = 0.02
DETAIL = 0.9
"""The least correlation of fine detail of a pair."""
ROUGH = 0.1
"""The residue of fine detail, in units of the contrast, below which detail need not be alike."""
SATURATED = 250
FLAT = 2.0
"""The contrast below which an image has no content that could be compared."""
BLOCK = 1024
FEW = 128
"""Whole images that are compared at once: as many as the cache of a processor holds."""
SAMPLED = 8192


@dataclass(frozen=True)
class Basis:
    """The low frequencies of images of one size: `waves` (pixels, 2m) cosines and sines, `turns` (2m, shifts)."""

    waves: Array
    turns: Array
    shifts: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        return int(self.waves.shape[1]) // 2


def near_pairs(images: Array) -> tuple[Array, Array]:
    """The near duplicates among images (n, height, width, channels), of which no two are equal: pairs of rows (k, 2) in
    ascending order and their residues (k,).
    """
    nothing = np.zeros((0, 2), np.int64), np.zeros(0)
    if len(images) < 2 or min(images.shape[1:3]) < LEAST_SIDE:
        return nothing
    basis = make_basis(*images.shape[1:3])
    spectrum, usable = _spectrum(images, basis)
    rows = np.flatnonzero(usable)
    if len(rows) < 2:
        return nothing
    spectrum = spectrum[rows]
    pairs = _candidates(_descriptors(spectrum, basis.count))
    pairs, shifts = _in_place(spectrum, pairs, basis)
    pairs = rows[pairs]
    residues = np.concatenate(list(_residues(images, pairs, shifts, basis.shifts)) or [np.zeros(0)])
    kept = np.isfinite(residues)
    order = np.lexsort((pairs[kept][:, 1], pairs[kept][:, 0]))
    return pairs[kept][order], residues[kept][order]


def make_basis(height: int, width: int) -> Basis:
    """The basis for images of this size, without the mean."""
    most = FREQUENCIES * FREQUENCIES + 1
    waves = [
        (u, v)
        for u in range(-FREQUENCIES, FREQUENCIES + 1)
        for v in range(FREQUENCIES + 1)
        if (v > 0 or u > 0) and u * u + v * v <= most
    ]
    reach = range(-REACH, REACH + 1)
    shifts = tuple((down, right) for down in reach for right in reach)
    u, v = (np.array(numbers) / side for numbers, side in zip(zip(*waves, strict=True), (height, width), strict=True))
    y, x = np.mgrid[:height, :width]
    angles = 2 * np.pi * (np.multiply.outer(y.ravel(), u) + np.multiply.outer(x.ravel(), v))
    turned = 2 * np.pi * np.array([down * u + right * v for down, right in shifts])
    both = np.concatenate([np.cos(angles), -np.sin(angles)], axis=1)
    turns = np.concatenate([np.cos(turned), np.sin(turned)], axis=1).T
    return Basis(both.astype(np.float32), turns.astype(np.float32), shifts)


def _spectrum(images: Array, basis: Basis) -> tuple[Array, Array]:
    """The low frequencies of each image scaled to length 1, float32 (n, 2m), and which images have content (n,)."""
    found = np.empty((len(images), basis.waves.shape[1]), np.float32)
    for start in range(0, len(images), BLOCK):
        some = gray(images[start : start + BLOCK])
        found[start : start + BLOCK] = some.reshape(len(some), -1) @ basis.waves
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    # By Parseval's theorem; the waves of negative frequencies are not there.
    contrast = np.sqrt(2) * lengths[:, 0] / basis.waves.shape[0]
    return found / np.maximum(lengths, 1e-6), contrast >= FLAT


def _descriptors(spectrum: Array, count: int) -> Array:
    """Magnitudes of the frequencies, each in units of its spread, as vectors of length 1."""
    found = np.hypot(spectrum[:, :count], spectrum[:, count:])
    found -= found.mean(axis=0)
    found /= np.maximum(found.std(axis=0), 1e-6)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return found


def _candidates(vectors: Array) -> Array:
    """Pairs of rows (k, 2), each in ascending order: a vector and its nearest neighbors in its two nearest cells."""
    found = [np.zeros(0, np.int64)]
    for rows in _cells(vectors):
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            alike = vectors[some] @ vectors[rows].T
            at = np.arange(len(some))
            alike[at, at + start] = -1
            for _ in range(NEIGHBORS):
                best = alike[at].argmax(axis=1) if len(at) < len(some) else alike.argmax(axis=1)
                kept = alike[at, best] > ALIKE
                at, best = at[kept], best[kept]
                one, other = some[at], rows[best]
                found.append(np.minimum(one, other) * len(vectors) + np.maximum(one, other))
                alike[at, best] = -1
    numbers = np.unique(np.concatenate(found))
    return np.stack([numbers // len(vectors), numbers % len(vectors)], axis=1)


def _cells(vectors: Array) -> Iterator[Array]:
    """Rows of similar vectors; each row is in the two cells whose centers are nearest."""
    count = int(np.sqrt(len(vectors)))
    if count < 16:
        yield np.arange(len(vectors))
        return
    generator = np.random.Generator(np.random.Philox(key=0))
    sample = vectors[generator.choice(len(vectors), min(SAMPLED, len(vectors)), replace=False)]
    centers = sample[:count]
    for _ in range(3):
        nearest = (sample @ centers.T).argmax(axis=1)
        sums = np.zeros_like(centers)
        np.add.at(sums, nearest, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centers = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centers)
    both = np.empty((len(vectors), 2), np.int64)
    for start in range(0, len(vectors), BLOCK):
        near = vectors[start : start + BLOCK] @ centers.T
        at = np.arange(len(near))
        both[start : start + BLOCK, 0] = first = near.argmax(axis=1)
        near[at, first] = -2
        both[start : start + BLOCK, 1] = near.argmax(axis=1)
    order = np.argsort(both.ravel(), kind="stable")
    ends = np.searchsorted(both.ravel()[order], np.arange(count + 1))
    for begin, end in pairwise(ends.tolist()):
        yield order[begin:end] // 2


def _in_place(spectrum: Array, pairs: Array, basis: Basis) -> tuple[Array, Array]:
    """The pairs whose low frequencies agree after a shift, and the number of that shift."""
    m = basis.count
    kept, shifts = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(pairs), BLOCK):
        some = pairs[start : start + BLOCK]
        one, other = spectrum[some[:, 0]], spectrum[some[:, 1]]
        real = one[:, :m] * other[:, :m] + one[:, m:] * other[:, m:]
        imaginary = one[:, m:] * other[:, :m] - one[:, :m] * other[:, m:]
        agree = np.concatenate([real, imaginary], axis=1) @ basis.turns
        best = agree.argmax(axis=1)
        good = agree[np.arange(len(best)), best] > IN_PLACE
        kept.append(some[good])
        shifts.append(best[good])
    return np.concatenate(kept), np.concatenate(shifts)


def _residues(images: Array, pairs: Array, shifts: Array, known: tuple[tuple[int, int], ...]) -> Iterator[Array]:
    """The residue of each pair, in its order; infinite for a pair that is no near duplicate."""
    found = np.full(len(pairs), np.inf)
    for number, shift in enumerate(known):
        places = np.flatnonzero(shifts == number)
        for start in range(0, len(places), FEW):
            at = places[start : start + FEW]
            found[at] = residue(images[pairs[at, 0]], images[pairs[at, 1]], shift)
    yield found


def residue(one: Array, other: Array, shift: tuple[int, int]) -> Array:
    """The part of each image that its partner (n, height, width, channels), moved by (down, right), does not explain,
    in units of its contrast; infinite where the two are no near duplicates.
    """
    down, right = shift
    height, width = one.shape[1:3]
    a = one[:, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)].astype(np.float32)
    b = other[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)].astype(np.float32)
    a, b, gain, level = _fitted(a, b)
    # The brighter image is cut off at white, and so is the other one when it is made as bright.
    guess = np.minimum(a * gain + level, 255)
    left = (guess - b) / np.sqrt(gain)
    smooth = _averaged(left)
    rough = left[:, 1:-1, 1:-1] - smooth
    low, high = ((x * x).mean(axis=(1, 2, 3)) for x in (smooth, rough))
    contrast = np.maximum(np.sqrt(a.std(axis=(1, 2, 3)) * b.std(axis=(1, 2, 3))), 1)
    found = np.sqrt(low) / contrast
    # White noise that 3x3 means take a ninth of leaves eight ninths in the rest.
    structured = np.sqrt(np.maximum(low - high / 8, 0)) / contrast
    good = (found < RESIDUE) | ((found < NOISY_RESIDUE) & (structured < NOISE))
    alike = _correlation(guess[:, 1:-1, 1:-1] - _averaged(guess), b[:, 1:-1, 1:-1] - _averaged(b)) > DETAIL
    # Of smooth images there is no detail but noise.
    good &= alike | (np.sqrt(high) < ROUGH * contrast)
    return np.where(good, found, np.inf)


def _fitted(one: Array, other: Array) -> tuple[Array, Array, Array, Array]:
    """The darker and the brighter image of each pair, with the gain and the level that make the one like the other."""
    # What is white in either tells nothing of the brightness.
    told = ((one < SATURATED) & (other < SATURATED)).astype(np.float32)
    axes = (1, 2, 3)
    count = told.sum(axis=axes, keepdims=True) + 1e-6
    means = [(told * x).sum(axis=axes, keepdims=True) / count for x in (one, other)]
    x, y = (told * (x - mean) for x, mean in zip((one, other), means, strict=True))
    squares = [np.maximum((x * x).sum(axis=axes, keepdims=True), count) for x in (x, y)]
    turned = squares[0] > squares[1]
    # Noise widens the spread: the other image is the one without it, from which least squares have no bias.
    gain = np.maximum((x * y).sum(axis=axes, keepdims=True), 0) / np.minimum(*squares)
    a, b = np.where(turned, other, one), np.where(turned, one, other)
    a_mean, b_mean = (np.where(turned, *some) for some in ((means[1], means[0]), (means[0], means[1])))
    return a, b, np.maximum(gain, 0.1), b_mean - a_mean * gain


def _averaged(x: Array) -> Array:
    """The means of 3x3 neighborhoods, without the border."""
    rows = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    found: Array = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return found


def _correlation(a: Array, b: Array) -> Array:
    axes = (1, 2, 3)
    found: Array = (a * b).sum(axis=axes) / np.sqrt((a * a).sum(axis=axes) * (b * b).sum(axis=axes) + 1e-6)
    return found
