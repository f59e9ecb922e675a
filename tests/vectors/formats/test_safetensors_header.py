"""The header check stands alone: fingerprints rely on it with no library behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trimtab_vectors.formats.safetensors_header import HeaderError, check_tiling, parse_header


def check(*spans: tuple[int, int], data_size: int) -> None:
    """One F32 tensor a span, as long as its span; then the tiling against a file of that much data."""
    record: dict[str, Any] = {
        f"t{i}": {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}
        for i, (begin, end) in enumerate(spans)
    }
    text = json.dumps(record).encode()
    check_tiling(parse_header(text, 100), 8 + len(text) + data_size)


def test_tensors_that_tile_the_data_are_accepted_in_any_order() -> None:
    check((8, 24), (0, 8), (24, 28), data_size=28)
    check((0, 0), (0, 8), (8, 8), data_size=8)


@pytest.mark.parametrize(
    ("spans", "data_size", "message"),
    [
        (((0, 8), (4, 12)), 12, "overlaps"),
        (((0, 8), (0, 8)), 8, "overlaps"),
        (((0, 8), (12, 16)), 16, "leaves a hole"),
        (((4, 8),), 8, "leaves a hole"),
        (((0, 8),), 12, "4 bytes follow"),
        (((0, 8),), 4, "cut off"),
    ],
)
def test_what_does_not_tile_the_data_is_refused(
    spans: tuple[tuple[int, int], ...], data_size: int, message: str
) -> None:
    with pytest.raises(HeaderError, match=message):
        check(*spans, data_size=data_size)


def test_a_shape_that_does_not_fill_its_span_is_refused() -> None:
    text = json.dumps({"t": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 8]}}).encode()
    with pytest.raises(HeaderError, match="needs 12 bytes"):
        check_tiling(parse_header(text, 100), 8 + len(text) + 8)
