"""From the name of a case to its record."""

from __future__ import annotations

from trimtab_server.api import wire_cases
from trimtab_server.steering.activation import find_deployment
from trimtab_server.store import cases
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal


def resolve_case(database: Database, name: str, field: str = "name") -> CaseRecord:
    """The case of this name, or the newest of its deployment. field: of the request, where the name was.

    Raises:
        Refusal: CASE_NOT_FOUND, DEPLOYMENT_NOT_FOUND, FIELD_INVALID.
    """
    deployment, case = wire_cases.case_id(name, field)
    with database.read() as connection:
        find_deployment(connection, deployment)
        newest = case == wire_cases.NEWEST
        found = cases.newest(connection, deployment) if newest else cases.find(connection, case)
    if found is None or found.deployment != deployment:
        raise Refusal("CASE_NOT_FOUND", field=field, case=name)
    return found
