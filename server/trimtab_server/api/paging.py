"""Pages of lists (AIP-158): a size with a bound, and an opaque token that names the last row seen."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from trimtab_server.store.refusal import Refusal

DEFAULT_SIZE: Final = 100
LARGEST_SIZE: Final = 1_000

Row = TypeVar("Row")


def size_of(page_size: int) -> int:
    """Raises: Refusal: FIELD_INVALID, a negative size."""
    if page_size < 0:
        raise Refusal(
            "FIELD_INVALID", field="page_size", detail=f"page_size is {page_size}; use 0 for the default"
        )
    return min(page_size or DEFAULT_SIZE, LARGEST_SIZE)


def position(page_token: str) -> tuple[int, str] | None:
    """The (number, id) a token names; None for the first page.

    Raises:
        Refusal: FIELD_INVALID, a token this server did not make.
    """
    if not page_token:
        return None
    try:
        number, _, key = (
            base64.b64decode(page_token.encode(), altchars=b"-_", validate=True).decode().partition(".")
        )
        return int(number), key
    except (ValueError, binascii.Error):
        raise Refusal(
            "FIELD_INVALID", field="page_token", detail="page_token is none that this server gave out"
        ) from None


def cut(rows: Sequence[Row], size: int, key: Callable[[Row], tuple[int, str]]) -> tuple[Sequence[Row], str]:
    """The page and the token of the next one; `rows` was read with one row more than `size`."""
    if len(rows) <= size:
        return rows, ""
    number, name = key(rows[size - 1])
    return rows[:size], base64.urlsafe_b64encode(f"{number}.{name}".encode()).decode()
