"""Names that begin alike are told apart in the cells that there are."""

from __future__ import annotations

import pytest

from dltui.core.text import shorten
from dltui.tui.draw.names import shortened_names

PLANTS = [f"Tomato___{name}" for name in (
    *"Bacterial_spot Early_blight healthy Late_blight Leaf_Mold Septoria_leaf_spot Spider_mites Target_Spot".split(),
    *"Tomato_mosaic_virus Tomato_Yellow_Leaf_Curl_Virus".split(),
)]  # fmt: skip


@pytest.mark.parametrize("letters", [3, 6, 11, 13])
@pytest.mark.parametrize(
    "names",
    [
        PLANTS,
        [*PLANTS, "Apple___Black_rot", "Apple___healthy", "Grape___Black_rot"],
        [f"class_{number:03}" for number in range(100)],
        ["Bulldog", "Bullfrog", "Bull"],
        ["left hand open", "left hand shut", "right hand open"],
    ],
    ids=["tomatoes", "plants", "numbers", "letters", "words"],
)
def test_cut_names_differ(names: list[str], letters: int) -> None:
    found = [name[:letters] for name in shortened_names(names, letters, ellipsis=0)]
    alike = len(found) - len(set(found))
    # Three letters cannot tell the rot of grapes from that of apples.
    assert alike <= (1 if letters == 3 else 0), found


def test_names_that_fit_and_equal_ones_stay() -> None:
    assert shortened_names(["Tomato", "Tomato_big"], 10) == ["Tomato", "Tomato_big"]
    assert shortened_names(["a very long name"] * 2, 3) == ["a very long name"] * 2
    assert shortened_names([], 3) == []


@pytest.mark.parametrize("room", [3, 4, 7, 8])
def test_names_in_wide_letters_are_cut_by_cells(room: int) -> None:
    dogs = ["金毛寻回犬", "拉布拉多寻回犬", "德国牧羊犬"]
    assert shortened_names(["猫", "狗"], room) == ["猫", "狗"]
    begun = [*dogs, *(f"小型犬种之{name}" for name in ("甲", "乙"))]
    found = [shorten(name, room, "") for name in shortened_names(begun, room, ellipsis=0)]
    # Where only a letter fits, the two little ones cannot be told from what they have in common.
    assert len(set(found)) >= (5 if room > 3 else 4), found
