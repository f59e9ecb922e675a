"""Tokens: who may make, rotate and limit them, and that no admin can be their own second person."""

from __future__ import annotations

from typing import Any

import pytest
from trimtab_server.steering import token_changes
from trimtab_server.steering.approvals import require_second_person
from trimtab_server.steering.token_changes import TokenLimits
from trimtab_server.store import audit, tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.tokens import TokenRecord

HOUR = 3_600 * 1_000_000_000
NOW = 1_800_000_000 * 1_000_000_000
SERVER = TokenLimits(1_000, 50_000)


def admin(token: TokenRecord) -> Origin:
    return Origin(f"tokens/{token.id}", "admin", "TokenService/CreateToken")


@pytest.fixture
def root(database: Database) -> Origin:
    token, _ = tokens.mint("first start", "admin", NOW)
    with database.write() as connection:
        tokens.add(connection, token)
    return admin(token)


def create(database: Database, origin: Origin, role: str = "admin", **changed: Any) -> TokenRecord:
    values: dict[str, Any] = {
        "display_name": role,
        "expire_time": 0,
        "limits": TokenLimits(),
        "server_limits": SERVER,
        "reason": "asked for",
        "time": NOW,
    }
    made, secret = token_changes.create_token(database, role=role, origin=origin, **(values | changed))
    assert made.matches(secret)
    return made


def test_the_second_admin_token_is_free_and_the_third_takes_two(database: Database, root: Origin) -> None:
    second = admin(create(database, root))
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        create(database, root)
    assert create(database, second).role == "admin"
    create(database, root, "operator")


def test_revoking_all_others_does_not_make_an_admin_alone_again(database: Database, root: Origin) -> None:
    second = create(database, root)
    token_changes.revoke_token(database, f"tokens/{second.id}", origin=root, time=NOW)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        create(database, root)


@pytest.mark.parametrize(
    "changed", [{"role": "viewer"}, {"limits": TokenLimits(5_000)}, {"expire_time": NOW + 9 * HOUR}]
)
def test_the_second_person_must_ask_for_the_same_token(
    database: Database, root: Origin, changed: dict[str, Any]
) -> None:
    second = admin(create(database, root))
    wanted = {"expire_time": NOW + 30 * HOUR, "limits": TokenLimits(2_000)}
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        create(database, root, **wanted)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        create(database, second, **{"display_name": "admin"} | wanted | changed)
    late = {"time": NOW + 60_000_000_000, "expire_time": NOW + 30 * HOUR + 60_000_000_000}
    assert create(database, second, **wanted | late).requests_per_minute == 2_000


@pytest.mark.parametrize(
    ("limits", "asks"),
    [
        (TokenLimits(1_000, 50_000), False),
        (TokenLimits(10, 10), False),
        (TokenLimits(1_001, 0), True),
        (TokenLimits(0, 50_001), True),
    ],
)
def test_limits_above_the_servers_own_take_two(
    database: Database, root: Origin, limits: TokenLimits, asks: bool
) -> None:
    if asks:
        with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
            create(database, root, "inference", limits=limits)
    else:
        made = create(database, root, "inference", limits=limits)
        assert (made.requests_per_minute, made.tokens_per_minute) == (limits.requests, limits.tokens)


def test_a_rotated_token_is_still_the_same_person(database: Database, root: Origin) -> None:
    second = create(database, root)
    asked = {"action": "rollout.promote_full", "subject": "rollouts/1", "reason": "why", "time": NOW}
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        require_second_person(database, origin=admin(second), **asked)
    once, _ = token_changes.rotate_token(
        database, second.id, overlap=HOUR, origin=admin(second), reason="", time=NOW
    )
    twice, _ = token_changes.rotate_token(
        database, once.id, overlap=HOUR, origin=admin(once), reason="", time=NOW
    )
    for token in (once, twice):
        with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
            require_second_person(database, origin=admin(token), **asked)
    assert require_second_person(database, origin=root, **asked) is not None


def test_rotating_keeps_role_limits_and_end_and_ends_the_old_one(database: Database, root: Origin) -> None:
    end = NOW + 48 * HOUR
    old = create(database, root, "operator", expire_time=end, limits=TokenLimits(7, 9))
    own = Origin(f"tokens/{old.id}", "operator", "TokenService/RotateToken")
    new, secret = token_changes.rotate_token(
        database, f"tokens/{old.id}", overlap=0, origin=own, reason="", time=NOW + 1
    )
    assert new.matches(secret)
    assert not old.matches(secret)
    assert (new.role, new.expire_time, new.requests_per_minute, new.tokens_per_minute) == (
        "operator",
        end,
        7,
        9,
    )
    with database.read() as connection:
        ended = tokens.find(connection, old.id)
        (record,) = audit.records(connection, limit=1)
        assert ended is not None
        assert ended.revoke_time == NOW + 1
    assert (record.action, record.subject) == ("token.rotate", f"tokens/{new.id}")
    assert secret.split("_", 2)[2] not in str(record)
    with pytest.raises(Refusal, match="TOKEN_ENDED"):
        token_changes.rotate_token(database, old.id, overlap=0, origin=own, reason="", time=NOW + 2)


def test_with_an_overlap_the_old_one_goes_on_until_then_and_no_longer_than_before(
    database: Database, root: Origin
) -> None:
    for end, expected in ((0, NOW + HOUR), (NOW + HOUR // 2, NOW + HOUR // 2)):
        old = create(database, root, "viewer", expire_time=end)
        own = Origin(f"tokens/{old.id}", "viewer", "TokenService/RotateToken")
        token_changes.rotate_token(database, old.id, overlap=HOUR, origin=own, reason="", time=NOW)
        with database.read() as connection:
            kept = tokens.find(connection, old.id)
        assert kept is not None
        assert (kept.revoke_time, kept.expire_time) == (0, expected)
    with pytest.raises(Refusal, match="FIELD_INVALID"):
        token_changes.rotate_token(database, old.id, overlap=25 * HOUR, origin=own, reason="", time=NOW)


def test_others_tokens_are_rotated_by_admins_and_an_admins_by_two(database: Database, root: Origin) -> None:
    second, viewer = create(database, root), create(database, root, "viewer")
    stranger = Origin("tokens/x", "operator", "TokenService/RotateToken")
    with pytest.raises(Refusal, match="ROLE_NOT_ALLOWED"):
        token_changes.rotate_token(database, viewer.id, overlap=0, origin=stranger, reason="", time=NOW)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        token_changes.rotate_token(database, second.id, overlap=0, origin=root, reason="gone", time=NOW)
    token_changes.rotate_token(database, viewer.id, overlap=0, origin=root, reason="", time=NOW)


def test_limits_are_changed_by_two_who_mean_the_same(database: Database, root: Origin) -> None:
    second, token = admin(create(database, root)), create(database, root, "inference")

    def change(origin: Origin, requests: int) -> TokenRecord:
        return token_changes.set_limits(
            database, f"tokens/{token.id}", TokenLimits(requests, 5), origin=origin, reason="why", time=NOW
        )

    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        change(root, 60)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        change(second, 61)
    assert change(second, 60).requests_per_minute == 60
    with pytest.raises(Refusal, match="FIELD_INVALID"):
        change(root, -1)
