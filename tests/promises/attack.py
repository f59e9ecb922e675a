"""Sends wild messages and garbage connections, or wild vector files, to a server, from a process of its own, and
says what came back: `python -m promises.attack TARGET TOKEN messages|files|paced FIRST_SEED COUNT`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
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
from trimtab_protos.v1 import token_pb2, vector_pb2

from promises.wild_files import wild_file
from promises.wild_messages import Wild, all_methods, wild_message

#: Calls under way at the same time.
AT_ONCE = 8
#: Seconds; a call that is not answered by then hangs.
LONGEST = 20.0
#: Of a stream, the time in which its first message may come; the rest is not wanted.
FIRST_MESSAGE = 0.25
OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
#: The call that makes the token it is made with invalid.
ROTATE = "RotateToken"
#: Messages a second of a paced attack: what one token may send by default.
PACE = 200.0
#: Calls that start work when a message happens to be in order. A paced attack leaves them out: what it measures is
#: the harm of messages that are not.
WORKING = {
    "Chat",
    "Compare",
    "RunCanary",
    "CheckPlan",
    "ExtractVector",
    "LoadStage",
    "RunTrial",
    "RecordReference",
}
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

    def told(self, seconds: float) -> dict[str, Any]:
        return {
            "sent": sum(self.by_kind.values()),
            "seconds": seconds,
            "kinds": self.by_kind,
            "statuses": self.by_status,
            "bad": self.bad,
        }


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


def good_files(client: Client) -> list[bytes]:
    """The shipped vector in every format that is read back, safetensors first."""
    name = next(vector.name for vector in client.vectors() if vector.suggested_strength > 0)
    foreign = [
        client.export_vector(name, format=f, scale="unit", drop_layer_zero=f == "gguf").content
        for f in ("gguf", "svec", "layer_pt")
    ]
    return [client.export_vector(name).content, *foreign]


async def upload(target: str, token: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Every seed's file once."""
    with Client(target, token) as client:
        good = good_files(client)
        stage = client.deployment().active_snapshot.steering.stage
    method = next(method for method in all_methods() if method.name == "ImportVector")
    tokens = Tokens(token, "")
    answers = Answers()
    waiting = iter(seeds)
    begin = time.perf_counter()
    async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:

        async def work() -> None:
            for seed in waiting:
                file = wild_file(seed, good)
                request = vector_pb2.ImportVectorRequest(content=file.content)
                if seed % 2:
                    request.concept, request.stage = "honesty", stage
                await send(
                    channel, tokens, Wild(seed, file.kind, method, request.SerializeToString()), answers
                )

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answers.told(time.perf_counter() - begin)


async def paced(target: str, token: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Every seed's message once, no quicker than one token may, and none to a call that works for long."""
    methods = [method for method in all_methods() if method.name not in WORKING]
    return await attack(target, token, seeds, methods, PACE)


async def attack(
    target: str,
    token: str,
    seeds: Sequence[int],
    methods: Sequence[MethodDescriptor] = (),
    pace: float = math.inf,
) -> dict[str, Any]:
    """Every seed's message once; what came back as JSON. No methods: all there are."""
    methods = methods or all_methods()
    with Client(target, token) as client:
        rotated = client.create_token("rotated", TokenRole.VIEWER).secret
    tokens = Tokens(token, rotated)
    answers = Answers()
    garbage_sent = 0
    host, _, port = target.rpartition(":")
    waiting = iter(enumerate(seeds))
    begin = time.perf_counter()
    async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:

        async def work() -> None:
            nonlocal garbage_sent
            for number, seed in waiting:
                wild = wild_message(seed, methods)
                await asyncio.sleep(max(0.0, begin + number / pace - time.perf_counter()))
                try:
                    await send(channel, tokens, wild, answers)
                    if seed % GARBAGE_EVERY == 0:
                        await send_garbage(host, int(port), seed)
                        garbage_sent += 1
                except OSError as error:
                    answers.blame(wild, f"the server takes no connection: {error}")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answers.told(time.perf_counter() - begin) | {"garbage": garbage_sent}


if __name__ == "__main__":
    target, token, what, first, count = sys.argv[1:]
    numbers = range(int(first), int(first) + int(count))
    sending = {"messages": attack, "files": upload, "paced": paced}[what]
    print(json.dumps(asyncio.run(sending(target, token, numbers))))
