"""Sends wild messages and garbage connections to a server, from a process of its own, and says what came back:
`python -m promises.attack TARGET TOKEN FIRST_SEED COUNT`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from trimtab_client import Client, TokenRole
from trimtab_protos.v1 import token_pb2

from promises.wild_messages import Wild, all_methods, wild_message

#: Calls under way at the same time.
AT_ONCE = 8
#: Seconds; a call that is not answered by then hangs.
LONGEST = 20.0
#: Of a stream, the time in which its first message may come; the rest is not wanted.
FIRST_MESSAGE = 0.25
#: The call that makes the token it is made with invalid.
ROTATE = "RotateToken"
#: Every so many messages, a connection that speaks no gRPC.
GARBAGE_EVERY = 30

#: What a caller may be told. Anything else is a defect, and so is one of these without our own reason.
_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


@dataclass
class Answers:
    """What came back, by kind and status, and what must not have."""

    by_kind: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    bad: list[dict[str, Any]] = field(default_factory=list)

    def note(self, wild: Wild, status: str) -> None:
        self.by_kind[wild.kind] += 1
        self.by_status[status] += 1

    def blame(self, wild: Wild, what: str) -> None:
        self.bad.append({"seed": wild.seed, "kind": wild.kind, "method": wild.path, "what": what[:300]})


class Tokens:
    """What the attack shows. A message that rotates its own token does so with one kept for that."""

    def __init__(self, admin: str, rotated: str) -> None:
        self._admin = admin
        self._rotated = rotated
        self._rotating = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def show(self, wild: Wild) -> AsyncIterator[str]:
        if wild.method.name != ROTATE:
            yield self._admin
            return
        async with self._rotating:
            yield self._rotated

    def note(self, wild: Wild, answer: bytes) -> None:
        if wild.method.name == ROTATE:
            self._rotated = token_pb2.RotateTokenResponse.FromString(answer).secret


async def send(channel: grpc.aio.Channel, tokens: Tokens, wild: Wild, answers: Answers) -> None:
    """One call."""
    async with tokens.show(wild) as token:
        answer = await call(channel, (("authorization", f"Bearer {token}"),), wild, answers)
        if answer is not None:
            tokens.note(wild, answer)


async def call(channel: grpc.aio.Channel, metadata: Any, wild: Wild, answers: Answers) -> bytes | None:
    """The answer of a unary call; of a stream the first message is looked at."""
    answer: bytes | None = None
    try:
        if wild.method.server_streaming:
            stream = channel.unary_stream(wild.path)(wild.raw, timeout=LONGEST, metadata=metadata)
            try:
                await asyncio.wait_for(stream.read(), FIRST_MESSAGE)
            except TimeoutError:
                pass
            finally:
                stream.cancel()
        else:
            answer = await channel.unary_unary(wild.path)(wild.raw, timeout=LONGEST, metadata=metadata)
        answers.note(wild, "OK")
    except grpc.aio.AioRpcError as error:
        answers.note(wild, error.code().name)
        if error.code() not in _REFUSALS:
            answers.blame(wild, f"{error.code().name}: {error.details()}")
        elif not any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata() or ()):
            answers.blame(wild, f"{error.code().name} without a reason: {error.details()}")
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        answers.note(wild, "CANCELLED")
    return answer


def garbage(seed: int) -> bytes:
    """What a connection sends that is no gRPC, or only begins like it."""
    dice = random.Random(seed)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    frame = bytes([0, dice.randrange(256), dice.randrange(256), dice.randrange(12), dice.randrange(256)])
    return dice.choice(
        (
            dice.randbytes(dice.randint(1, 2_000)),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(500),
            preface + dice.randbytes(dice.randint(0, 200)),
            preface + settings + frame + dice.randbytes(4) + dice.randbytes(dice.randint(0, 3_000)),
            preface + settings * 200,
            preface[: dice.randint(0, 20)],
        )
    )


async def send_garbage(host: str, port: int, seed: int) -> None:
    """Opens a connection, sends, looks at what comes for a moment, goes away."""
    reader, writer = await asyncio.open_connection(host, port)
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(garbage(seed))
        await writer.drain()
        await asyncio.wait_for(reader.read(100), 0.05)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def attack(target: str, token: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Every seed's message once; what came back as JSON."""
    methods: list[MethodDescriptor] = all_methods()
    with Client(target, token) as client:
        rotated = client.create_token("rotated", TokenRole.VIEWER).secret
    tokens = Tokens(token, rotated)
    answers = Answers()
    garbage_sent = 0
    host, _, port = target.rpartition(":")
    waiting = iter(seeds)
    begin = time.perf_counter()
    options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
    async with grpc.aio.insecure_channel(target, options=options) as channel:

        async def work() -> None:
            nonlocal garbage_sent
            for seed in waiting:
                wild = wild_message(seed, methods)
                try:
                    await send(channel, tokens, wild, answers)
                    if seed % GARBAGE_EVERY == 0:
                        await send_garbage(host, int(port), seed)
                        garbage_sent += 1
                except OSError as error:
                    answers.blame(wild, f"the server takes no connection: {error}")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return {
        "sent": sum(answers.by_kind.values()),
        "garbage": garbage_sent,
        "seconds": time.perf_counter() - begin,
        "kinds": answers.by_kind,
        "statuses": answers.by_status,
        "bad": answers.bad,
    }


if __name__ == "__main__":
    target, token, first, count = sys.argv[1:]
    numbers = range(int(first), int(first) + int(count))
    print(json.dumps(asyncio.run(attack(target, token, numbers))))
