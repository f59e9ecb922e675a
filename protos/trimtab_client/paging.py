"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

Item = TypeVar("Item")


def all_pages(
    page: Callable[[int | None, str], tuple[list[Item], str]], limit: int | None
) -> tuple[Item, ...]:
    """Ask for pages until there are no more, or `limit` items are there.

    `page` gets how many items are still wanted (None for all) and the token of the page.
    """
    items: list[Item] = []
    token = ""
    while limit is None or len(items) < limit:
        more, token = page(None if limit is None else limit - len(items), token)
        items += more
        if not token:
            break
    return tuple(items if limit is None else items[:limit])


async def all_pages_async(
    page: Callable[[int | None, str], Awaitable[tuple[list[Item], str]]], limit: int | None
) -> tuple[Item, ...]:
    """The same, of an asynchronous `page`."""
    items: list[Item] = []
    token = ""
    while limit is None or len(items) < limit:
        more, token = await page(None if limit is None else limit - len(items), token)
        items += more
        if not token:
            break
    return tuple(items if limit is None else items[:limit])
