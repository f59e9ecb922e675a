"""The calls about cases: `client.cases`."""

from __future__ import annotations

import builtins
from collections.abc import Generator
from typing import TYPE_CHECKING

import grpc
from trimtab_protos.v1 import case_pb2, case_pb2_grpc

from trimtab_client import case_requests as requests
from trimtab_client import from_protobuf_cases as read
from trimtab_client.case_requests import NEWEST
from trimtab_client.case_types import Case, CaseChoice, CaseDraft, CaseTemplate, CaseTrialRole
from trimtab_client.names import DEFAULT_DEPLOYMENT
from trimtab_client.paging import all_pages

if TYPE_CHECKING:
    from trimtab_client.client import Client


class Cases:
    """Cases of a server. A case is named by its full name or its bare id in the default deployment; left out, it is
    the newest there.
    """

    def __init__(self, client: Client, channel: grpc.Channel) -> None:
        self._client = client
        self._stub = case_pb2_grpc.CaseServiceStub(channel)

    def templates(self) -> tuple[CaseTemplate, ...]:
        """What a case can be started from."""
        answer = self._client._unary(self._stub.ListCaseTemplates, case_pb2.ListCaseTemplatesRequest())
        return tuple(read.template(one) for one in answer.templates)

    def create(self, draft: CaseDraft, *, language: str = "", reason: str = "", request_id: str = "") -> Case:
        """Start a case; with `draft.template`, what is empty is taken from the template in that language."""
        request = requests.create(draft, language, reason, request_id)
        return read.case(self._client._unary(self._stub.CreateCase, request))

    def get(self, name: str = NEWEST) -> Case:
        """One case as it is now."""
        return read.case(self._client._unary(self._stub.GetCase, requests.get(name)))

    def list(self, deployment: str = DEFAULT_DEPLOYMENT, *, limit: int | None = None) -> tuple[Case, ...]:
        """A deployment's cases, newest first."""

        def page(left: int | None, token: str) -> tuple[builtins.list[Case], str]:
            answer = self._client._unary(self._stub.ListCases, requests.list_all(deployment, left, token))
            return [read.case(one) for one in answer.cases], answer.next_page_token

        return all_pages(page, limit)

    def update(
        self,
        draft: CaseDraft,
        name: str = NEWEST,
        *,
        version: int = 0,
        reason: str = "",
        request_id: str = "",
    ) -> Case:
        """Write the open parts, all of them; CASE_CONFLICT if the case has another version than `version`."""
        request = requests.update(name, draft, version, reason, request_id)
        return read.case(self._client._unary(self._stub.UpdateCase, request))

    def lock(
        self,
        name: str = NEWEST,
        *,
        criteria_hash: str = "",
        validate_only: bool = False,
        reason: str = "",
        request_id: str = "",
    ) -> Case:
        """Fix goal, criteria and lanes; `validate_only` answers with the case as it would be, and writes nothing."""
        request = requests.lock(name, criteria_hash, validate_only, reason, request_id)
        return read.case(self._client._unary(self._stub.LockCaseCriteria, request))

    def attach_trial(
        self,
        trial: str,
        name: str = NEWEST,
        *,
        role: CaseTrialRole = CaseTrialRole.UNSPECIFIED,
        reason: str = "",
        request_id: str = "",
    ) -> Case:
        """Make a trial by the locked criteria a part of the case, by default in the step that is next."""
        request = requests.attach_trial(name, trial, role, reason, request_id)
        return read.case(self._client._unary(self._stub.AttachTrial, request))

    def attach_rollout(
        self, rollout: str, name: str = NEWEST, *, reason: str = "", request_id: str = ""
    ) -> Case:
        """Make a rollout of the confirmed candidate a part of the case."""
        request = requests.attach_rollout(name, rollout, reason, request_id)
        return read.case(self._client._unary(self._stub.AttachRollout, request))

    def decide(self, choice: CaseChoice, name: str = NEWEST, *, reason: str, request_id: str = "") -> Case:
        """Close the case, for ever: stop at any time, or scale once the candidate was promoted."""
        request = requests.decide(name, choice, reason, request_id)
        return read.case(self._client._unary(self._stub.DecideCase, request))

    def watch(self, deployment: str = DEFAULT_DEPLOYMENT) -> Generator[tuple[Case, ...], None, None]:
        """Stream the newest hundred, then those that changed, also by their trials and rollouts; does not end."""
        return self._client._stream(self._stub.WatchCases, requests.watch(deployment), read.changes, None)

    def export(self, name: str = NEWEST) -> bytes:
        """The case, its trials, its rollout and the decision as one JSON document: what reports are made from."""
        stream = self._client._stream(
            self._stub.ExportCase, requests.export(name), read.data, self._client._deadlines.transfer
        )
        return b"".join(stream)
