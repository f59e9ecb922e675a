"""What is malformed is refused with a reason, whatever it is. The large numbers are row 6 of `make promises`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from server_process import ServerProcess

from promises.attack import garbage
from promises.malformed import attacked, defects_in
from promises.wild_files import wild_file
from promises.wild_messages import all_methods, filled, wild_message

SEED = 4_000


def test_one_seed_makes_one_message_and_every_call_and_kind_is_reached() -> None:
    methods = all_methods()
    made = [wild_message(seed, methods) for seed in range(3_000)]
    assert made[17] == wild_message(17, methods)
    assert {wild.method.full_name for wild in made} == {method.full_name for method in methods}
    assert min(Counter(wild.kind for wild in made).values()) >= 5
    assert len({garbage(seed) for seed in range(50)}) > 20


def test_filled_messages_parse_and_set_every_field_at_some_time() -> None:
    import random

    for method in all_methods():
        seen: set[str] = set()
        for seed in range(60):
            message = filled(method.input_type, random.Random(seed), extreme=True)
            assert type(message).FromString(message.SerializeToString()).ByteSize() == message.ByteSize()
            seen |= {field.name for field, _ in message.ListFields()}
        singular = {f.name for f in method.input_type.fields if f.message_type is None or not f.is_repeated}
        assert singular <= seen, method.full_name


def test_a_wild_file_is_the_same_for_the_same_seed() -> None:
    header = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "__metadata__": {"k": "v"}}
    text = json.dumps(header).encode()
    good = [len(text).to_bytes(8, "little") + text + bytes(8), b"GGUF" + bytes(40)]
    files = [wild_file(seed, good) for seed in range(400)]
    assert files[3] == wild_file(3, good)
    assert sum(file.content not in good for file in files) > 380
    assert len({file.kind for file in files}) == 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> ServerProcess:
    started = ServerProcess(
        tmp_path_factory.mktemp("malformed") / "data", "--no-auto-canary", "--requests-per-minute", "0"
    )
    return started


def test_every_wild_message_and_file_is_answered_with_a_reason(server: ServerProcess) -> None:
    for what, count in (("messages", 2_500), ("files", 250)):
        told = asyncio.run(attacked(server, what, SEED, count))
        assert told["bad"] == []
        assert told["sent"] == count
    assert server.stop() == 0
    assert defects_in(server.log.read_text()) == []
