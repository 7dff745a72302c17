"""An image file becomes the same pixels for training, `predict` and an exported script, whatever kind it is."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dltui.core.data import image_file
from dltui.core.data.image_file import UnreadableError
from dltui.core.lifecycle.trained_model import image_reading
from dltui.tui.cli.templates.predict_script import script

SQUARE = (slice(2, 5), slice(2, 6))


def reading(
    side: int = 8, fit: str = "crop", channels: int = 3, values: tuple[float, float] = (0, 65535)
) -> dict[str, Any]:
    return {"height": side, "width": side, "channels": channels, "fit": fit, "range": list(values)}


def pixels(path: Path, **options: Any) -> np.ndarray[Any, Any]:
    return image_file.read(str(path), reading(**options))


def png(bits: int, kind: int, rows: list[bytes], clear: bytes = b"") -> bytes:
    """A PNG of 8x8 as Pillow cannot write it."""
    header = struct.pack(">IIBBBBB", 8, 8, bits, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *([(b"tRNS", clear)] if clear else [])]
    parts += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def mask() -> np.ndarray[Any, Any]:
    """A square that is opaque, around it nothing."""
    alpha = np.zeros((8, 8), np.uint8)
    alpha[SQUARE] = 255
    return alpha


def gray_alpha(path: Path) -> None:
    black = Image.new("L", (8, 8))
    Image.merge("LA", (black, Image.fromarray(mask()))).save(path)


def color_alpha(path: Path) -> None:
    black = Image.new("L", (8, 8))
    Image.merge("RGBA", (black, black, black, Image.fromarray(mask()))).save(path)


def gray_key(path: Path) -> None:
    Image.fromarray(np.where(mask() > 0, 0, 7).astype(np.uint8)).save(path, transparency=7)


def palette_key(path: Path) -> None:
    image = Image.fromarray((mask() == 0).astype(np.uint8), "L").convert("P")
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.save(path, transparency=1)


def palette_alpha(path: Path) -> None:
    color_alpha(path)
    Image.open(path).quantize(4, method=Image.Quantize.FASTOCTREE).save(path)


def one_bit(path: Path) -> None:
    rows = [bytes([int("".join("0" if value else "1" for value in row), 2)]) for row in mask()]
    path.write_bytes(png(1, 0, rows, struct.pack(">H", 1)))


def two_bits(path: Path) -> None:
    rows = [
        bytes(int("".join("00" if value else "01" for value in row[part : part + 4]), 2) for part in (0, 4))
        for row in mask()
    ]
    path.write_bytes(png(2, 0, rows, struct.pack(">H", 1)))


def sixteen_bits(path: Path) -> None:
    rows = [np.where(row > 0, 0, 300).astype(">u2").tobytes() for row in mask()]
    path.write_bytes(png(16, 0, rows, struct.pack(">H", 300)))


@pytest.mark.parametrize(
    "make", [gray_alpha, color_alpha, gray_key, palette_key, palette_alpha, one_bit, two_bits, sixteen_bits]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_transparency_is_white_paper(tmp_path: Path, make: Callable[[Path], None], channels: int) -> None:
    make(tmp_path / "x.png")
    found = pixels(tmp_path / "x.png", channels=channels)
    assert (found == np.where(mask() > 0, 0, 255)[..., np.newaxis]).all()


def test_a_gif_is_its_first_frame_with_its_transparency(tmp_path: Path) -> None:
    frames = [Image.fromarray((mask() == 0).astype(np.uint8), "L").convert("P") for _ in range(2)]
    for frame, color in zip(frames, (0, 200), strict=True):
        frame.putpalette([color, 0, 0, 9, 9, 9])
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:], transparency=1, disposal=2)
    assert (pixels(tmp_path / "x.gif", channels=1)[..., 0] == np.where(mask() > 0, 0, 255)).all()


@pytest.mark.parametrize(("ending", "turn"), [("jpg", 6), ("jpg", 3), ("png", 6), ("webp", 8), ("tif", 6), ("jpg", 2)])
def test_photographs_are_turned_as_the_camera_says(tmp_path: Path, ending: str, turn: int) -> None:
    upright = Image.new("RGB", (4, 6), "white")
    upright.paste("black", (0, 0, 4, 2))
    stored = {
        6: Image.Transpose.ROTATE_90,
        3: Image.Transpose.ROTATE_180,
        8: Image.Transpose.ROTATE_270,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
    }[turn]
    image = upright.transpose(stored)
    exif = image.getexif()
    exif[0x0112] = turn
    options = {"lossless": True} if ending == "webp" else {"quality": 100} if ending == "jpg" else {}
    image.save(tmp_path / f"x.{ending}", exif=exif, **options)
    path = str(tmp_path / f"x.{ending}")
    assert image_file.look(path)[0] == (4, 6)
    found = image_file.read(path, {**reading(), "height": 6, "width": 4})
    assert found[0].max() < 40
    assert found[-1].min() > 215


@pytest.mark.parametrize("most", [199, 1000, 4095, 65535])
@pytest.mark.parametrize("color", [False, True])
def test_images_of_sixteen_bits_use_the_range_that_they_are_given(tmp_path: Path, most: int, color: bool) -> None:
    values = np.random.default_rng(0).integers(0, most + 1, (8, 8, 3) if color else (8, 8)).astype(np.uint16)
    rows = [row.astype(">u2").tobytes() for row in values]
    (tmp_path / "x.png").write_bytes(png(16, 2 if color else 0, rows))
    size, deep = image_file.look(str(tmp_path / "x.png"))
    assert (size, deep) == ((8, 8), True)
    assert image_file.value_range(str(tmp_path / "x.png")) == (values.min(), values.max())
    found = pixels(tmp_path / "x.png", values=(0, most))
    expected = np.rint(values * (255 / most)).reshape(8, 8, -1)
    assert (found == expected).all()


@pytest.mark.parametrize("draft", [True, False])
@pytest.mark.parametrize("more", [{}, {"dpi": (72, 72)}])
def test_a_damaged_block_of_notes_costs_no_photograph(tmp_path: Path, more: dict[str, Any], draft: bool) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8))
    image.save(tmp_path / "plain.jpg")
    image.save(tmp_path / "x.jpg", exif=b"Exif\0\0garbage!!", **more)
    assert image_file.look(str(tmp_path / "x.jpg")) == ((48, 32), False)
    how = {**reading(), "height": 8, "width": 12, "draft": draft}
    plain = image_file.read(str(tmp_path / "plain.jpg"), how)
    assert (image_file.read(str(tmp_path / "x.jpg"), how) == plain).all()
    assert image_file.guarded(str(tmp_path / "x.jpg"), image_file.orientation) == 1


def tiff(values: np.ndarray[Any, Any], order: str, packed: bool) -> bytes:
    """A TIFF of colors of 16 bits, which Pillow cannot write; `order` is < or >."""
    data = values.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if packed else data
    size, data = len(data), data + bytes(len(data) % 2)
    height, width = values.shape[:2]
    tags = {256: width, 257: height, 258: 8 + len(data), 259: 8 if packed else 1, 262: 2, 277: 3, 278: height, 284: 1}
    entries = [struct.pack(f"{order}HHLHH", tag, 3, 1, value, 0) for tag, value in tags.items() if tag != 258]
    entries += [struct.pack(f"{order}HHLL", 258, 3, 3, tags[258])]
    entries += [struct.pack(f"{order}HHLL", tag, 4, 1, value) for tag, value in ((273, 8), (279, size))]
    entries.sort(key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8 + len(data) + 6)
    bits = struct.pack(f"{order}HHH", 16, 16, 16)
    return head + data + bits + struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_tiff_of_sixteen_bits_a_color_keeps_all_of_them(tmp_path: Path, order: str, packed: bool) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (8, 8, 3)).astype(np.uint16)
    (tmp_path / "x.tif").write_bytes(tiff(values, order, packed))
    assert image_file.look(str(tmp_path / "x.tif")) == ((8, 8), True)
    assert image_file.value_range(str(tmp_path / "x.tif")) == (values.min(), values.max())
    assert (pixels(tmp_path / "x.tif", values=(0, 4095)) == np.rint(values * (255 / 4095))).all()


def test_floats_and_negative_numbers_have_a_range_too(tmp_path: Path) -> None:
    values = np.linspace(-1000, 3000, 64).reshape(8, 8)
    for name, kind in (("a.tif", np.float32), ("b.tif", np.int32)):
        Image.fromarray(values.astype(kind)).save(tmp_path / name)
        found = pixels(tmp_path / name, values=(-1000, 3000))
        assert (found[0, 0, 0], found[-1, -1, 0]) == (0, 255)


def test_the_ways_to_make_a_square(tmp_path: Path) -> None:
    """A white image twice as wide as high, with a black left quarter."""
    image = Image.new("RGB", (40, 20), "white")
    image.paste("black", (0, 0, 10, 20))
    image.save(tmp_path / "x.png")
    crop, pad, stretch = (pixels(tmp_path / "x.png", side=20, fit=fit)[..., 0] for fit in ("crop", "pad", "stretch"))
    assert crop[10, 2:].min() > 200
    assert pad[[0, 19]].max() == 0
    assert pad[10, 15] == 255
    assert stretch[10, 0] == 0
    assert stretch[0, 19] == 255


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.png", b"<html>", "not an image"),
        ("gone.png", None, "no such file or directory"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableError, match=words):
        pixels(tmp_path / name)


@pytest.fixture
def other_decoders() -> Iterator[None]:
    """The formats are looked up anew, before and after."""
    image_file.formats.cache_clear()
    yield
    image_file.formats.cache_clear()


@pytest.mark.usefixtures("other_decoders")
def test_heic_without_its_decoder_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    for name in ("x.heic", "X.HEIF"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        with pytest.raises(UnreadableError, match="pip install pillow-heif"):
            pixels(tmp_path / name)


@pytest.mark.usefixtures("other_decoders")
def test_heic_is_read_like_a_jpeg_where_its_decoder_is(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    assert "HEIF" in image_file.formats()
    image = Image.new("RGB", (64, 32), "red")
    image.paste("blue", (0, 0, 32, 32))
    exif = Image.Exif()
    exif[image_file.ORIENTATION] = 6
    for name in ("x.heic", "x.jpg"):
        image.save(tmp_path / name, quality=95, exif=exif.tobytes())
    found, expected = (pixels(tmp_path / name, side=16).astype(int) for name in ("x.heic", "x.jpg"))
    assert expected[0, 8, 2] > 200, "its left half is above after the turn"
    assert abs(found - expected)[[*range(6), *range(10, 16)]].max() < 24
    assert image_file.look(str(tmp_path / "x.heic"))[0] == (32, 64)
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.heic", quality=95)
    assert pixels(tmp_path / "clear.heic").min() > 240, "transparency is white"
    (tmp_path / "cut.heic").write_bytes((tmp_path / "x.heic").read_bytes()[:200])
    with pytest.raises(UnreadableError):
        pixels(tmp_path / "cut.heic")


@pytest.mark.parametrize(
    ("dataset", "options", "shape", "expected"),
    [
        ("folder", {"fit": "pad"}, (4, 6, 3), {"height": 4, "width": 6, "channels": 3, "fit": "pad"}),
        ("folder", {}, (4, 4, 1), {"height": 4, "width": 4, "channels": 1, "fit": "crop"}),
        ("mnist", {}, (28, 28, 1), {"height": 28, "width": 28, "channels": 1, "fit": "stretch"}),
        ("csv", {}, (7,), {}),
    ],
)
def test_runs_without_a_description_are_read_by_their_options(
    dataset: str, options: dict[str, str], shape: tuple[int, ...], expected: dict[str, Any]
) -> None:
    found = image_reading({"dataset": "mine", "dataset_plugin": dataset, "dataset_options": options}, {}, shape)
    assert found == {**expected, **({"range": [0, 65535]} if expected else {})}
    known = {"inputs": {"image": reading(5)}}
    assert image_reading({"dataset": dataset}, known, (5, 5, 3)) == reading(5)


@pytest.mark.parametrize("form", ["onnx", "torch", "keras"])
def test_an_exported_script_reads_images_by_the_same_code(tmp_path: Path, form: str) -> None:
    text = script(form, form)
    reader = text.split("HERE = Path", 1)[0]
    assert "dltui" not in reader.split('"""', 2)[2]
    names: dict[str, Any] = {"__name__": "predict"}
    exec(compile(reader, "predict.py", "exec"), names)
    gray_alpha(tmp_path / "x.png")
    how = reading(5, "pad", 1)
    assert (names["read"](str(tmp_path / "x.png"), how) == image_file.read(str(tmp_path / "x.png"), how)).all()
    compile(text, "predict.py", "exec")


def test_an_exported_script_writes_over_no_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, rest = script("onnx", "onnx").split("HERE = Path", 1)
    names: dict[str, Any] = {"__name__": "predict"}
    exec(compile(reader, "predict.py", "exec"), names)
    names["ABOUT"] = {"image": reading(5), "classes": ["a", "b"]}
    names["run"] = lambda samples: np.zeros((len(samples), 5, 5, 2), np.float32)
    gray_alpha(tmp_path / "x.png")
    (tmp_path / "x.mask.png").write_bytes(b"mine")
    monkeypatch.setattr("sys.argv", ["predict.py", str(tmp_path / "x.png")])
    begin = "for name in sys.argv"
    exec(compile(begin + rest.split(begin, 1)[1], "predict.py", "exec"), names)
    assert (tmp_path / "x.mask.png").read_bytes() == b"mine"
    assert (tmp_path / "x.mask2.png").exists()
