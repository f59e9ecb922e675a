"""Staying connected to one server: first contact, a regular sign of life, and coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from trimtab_client import AsyncClient, RetryPolicy, channel_credentials, tls_for
from trimtab_client.types import ServerInfo

from trimtab_gui.bridge.failure import Failure
from trimtab_gui.bridge.status import ConnectionStatus, Phase

POLL_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 4.0
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 8.0
# Calls are not repeated behind the operator's back: the session itself notices the loss and shows it.
_NO_RETRIES: Final = RetryPolicy(attempts=1)
_REFUSALS: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "UNIMPLEMENTED"})


class Session:
    """Lives on the loop thread. `client` is the open client, None while there is none."""

    def __init__(
        self,
        target: str,
        token: str,
        report: Callable[[Session, ConnectionStatus], None],
        *,
        first_session: int,
    ) -> None:
        self.target = target
        self.client: AsyncClient | None = None
        self.retry = asyncio.Event()
        self._suspected = asyncio.Event()
        # Something that was open over this connection has broken off.
        self._broken = False
        self._token = token
        self._report = report
        self._number = first_session - 1
        self._gone_since: datetime | None = None

    def suspect(self) -> None:
        """A call or a watch broke off: look at once instead of at the next poll.

        If the server answers all the same, only the transport had gone, and gRPC has brought it back by itself:
        what was read and watched before belongs to a session that is over.
        """
        self._broken = True
        self._suspected.set()

    async def supervise(self) -> None:
        """Connects and reconnects until cancelled, or until the server refuses us."""
        pause = FIRST_PAUSE_SECONDS
        self._tell(Phase.CONNECTING, since=datetime.now())
        while True:
            client: AsyncClient | None = None
            try:
                tls = tls_for(self.target)
                credentials = None if tls is None else channel_credentials(tls)
                client = AsyncClient(self.target, self._token, credentials=credentials, retries=_NO_RETRIES)
                async with asyncio.timeout(ANSWER_SECONDS):
                    info = await client.server_info()
                pause = FIRST_PAUSE_SECONDS
                await self._stay(client, info)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                failure = Failure.of(error)
            finally:
                self.client = None
                if client is not None:
                    await client.close()
            if failure.code in _REFUSALS:
                self._tell(Phase.REFUSED, since=datetime.now(), failure=failure)
                return
            if self._gone_since is None:
                self._gone_since = datetime.now()
            self._tell(
                Phase.LOST,
                since=self._gone_since,
                failure=failure,
                next_try=datetime.now() + timedelta(seconds=pause),
            )
            await self._wait(self.retry, pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _stay(self, client: AsyncClient, info: ServerInfo) -> None:
        """Polls the server until a call fails, which it raises. No answer in time makes it stale, not lost."""
        self._number += 1
        self._gone_since = None
        self.client = client
        since = datetime.now()
        self._suspected.clear()
        self._broken = False
        self._tell(Phase.CONNECTED, since=since, info=info)
        silent_since: datetime | None = None
        while True:
            await self._wait(self._suspected, POLL_SECONDS)
            asked = datetime.now()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    info = await client.server_info()
            except TimeoutError:
                silent_since = silent_since or asked
                self._tell(Phase.STALE, since=silent_since, info=info)
                continue
            silent_since = None
            # Not at once again: a server that cuts every watch would be asked without end.
            if self._broken and datetime.now() - since >= timedelta(seconds=POLL_SECONDS):
                self._broken = False
                self._number += 1
                since = datetime.now()
            self._tell(Phase.CONNECTED, since=since, info=info)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        # Not wait_for: before Python 3.12 it can lose a cancellation.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
        event.clear()

    def _tell(
        self,
        phase: Phase,
        *,
        since: datetime,
        info: ServerInfo | None = None,
        failure: Failure | None = None,
        next_try: datetime | None = None,
    ) -> None:
        status = ConnectionStatus(
            phase=phase,
            target=self.target,
            since=since,
            session=self._number,
            info=info,
            failure=failure,
            next_try=next_try,
        )
        self._report(self, status)
