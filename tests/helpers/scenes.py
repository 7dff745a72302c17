"""Photos of five kinds of scenes, drawn by seeded random numbers: other colors, places, light and noise in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = (192, 144)
Draw = ImageDraw.ImageDraw
Color = tuple[int, int, int]


def make_scenes(root: Path, each: int, seed: int = 0) -> Path:
    """A folder of class folders with `each` JPEGs of a scene."""
    random = np.random.default_rng(seed)
    for name, draw in SCENES.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            _photo(draw, random).save(root / name / f"{number}.jpg", quality=85)
    return root


def _photo(draw: Callable[[Draw, np.random.Generator], None], random: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", SIZE, _near(random, (150, 180, 215), 50))
    draw(ImageDraw.Draw(image), random)
    image = image.filter(ImageFilter.GaussianBlur(float(random.uniform(0, 1.5))))
    light = np.asarray(image) * random.uniform(0.55, 1.25) * random.uniform(0.85, 1.15, 3)
    return Image.fromarray(np.clip(light + random.normal(0, 22, light.shape), 0, 255).astype(np.uint8))


def _near(random: np.random.Generator, color: Color, by: int) -> Color:
    red, green, blue = (int(np.clip(value + random.integers(-by, by + 1), 0, 255)) for value in color)
    return red, green, blue


def _city(draw: Draw, random: np.random.Generator) -> None:
    x = -10
    while x < SIZE[0]:
        wide, high = (int(value) for value in random.integers((18, 40), (45, 125)))
        draw.rectangle((x, SIZE[1] - high, x + wide, SIZE[1]), fill=_near(random, (115, 110, 115), 40))
        for row in range(SIZE[1] - high + 6, SIZE[1], 12):
            for column in range(x + 4, x + wide - 5, 9):
                draw.rectangle((column, row, column + 4, row + 6), fill=_near(random, (215, 205, 150), 40))
        x += wide + int(random.integers(0, 8))


def _forest(draw: Draw, random: np.random.Generator) -> None:
    draw.rectangle((0, 100, *SIZE), fill=_near(random, (90, 90, 50), 30))
    for _ in range(int(random.integers(9, 18))):
        x, top = (int(value) for value in random.integers((0, 5), (SIZE[0], 60)))
        draw.rectangle((x - 3, top + 30, x + 3, 135), fill=_near(random, (85, 60, 40), 25))
        for step in range(3):
            reach, y = 12 + 7 * step, top + 24 * step
            draw.polygon([(x, y), (x - reach, y + 38), (x + reach, y + 38)], fill=_near(random, (50, 100, 55), 40))


def _sea(draw: Draw, random: np.random.Generator) -> None:
    horizon = int(random.integers(45, 95))
    draw.rectangle((0, horizon, *SIZE), fill=_near(random, (60, 110, 150), 40))
    for y in range(horizon + 4, SIZE[1], 7):
        shift = int(random.integers(0, 30))
        for x in range(-shift, SIZE[0], 34):
            draw.arc((x, y, x + 22, y + 8), 200, 340, fill=_near(random, (200, 215, 225), 30), width=2)
    for _ in range(int(random.integers(1, 3))):
        x = int(random.integers(15, SIZE[0] - 25))
        draw.polygon([(x, horizon - 30), (x, horizon), (x + 20, horizon)], fill=_near(random, (230, 225, 220), 25))
        draw.rectangle((x - 8, horizon, x + 24, horizon + 6), fill=_near(random, (110, 60, 45), 40))


def _mountains(draw: Draw, random: np.random.Generator) -> None:
    for _ in range(int(random.integers(3, 6))):
        x, top, reach = (int(value) for value in random.integers((0, 12, 45), (SIZE[0], 60, 95)))
        draw.polygon([(x, top), (x - reach, 144), (x + reach, 144)], fill=_near(random, (110, 115, 125), 35))
        part = reach * 30 // (144 - top)
        draw.polygon([(x, top), (x - part, top + 30), (x + part, top + 30)], fill=_near(random, (235, 240, 245), 15))


def _flowers(draw: Draw, random: np.random.Generator) -> None:
    draw.rectangle((0, int(random.integers(20, 60)), *SIZE), fill=_near(random, (95, 145, 70), 40))
    ink = _near(random, (205, 110, 140), 50)
    for _ in range(int(random.integers(18, 40))):
        x, y, r = (int(value) for value in random.integers((0, 60, 4), (SIZE[0], SIZE[1], 8)))
        for dx, dy in ((-r, 0), (r, 0), (0, -r), (0, r)):
            draw.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=ink)
        draw.ellipse((x - r // 2, y - r // 2, x + r // 2, y + r // 2), fill=_near(random, (235, 200, 60), 20))


SCENES: dict[str, Callable[[Draw, np.random.Generator], None]] = {
    "city": _city, "flowers": _flowers, "forest": _forest, "mountains": _mountains, "sea": _sea,
}  # fmt: skip
