"""Describe the API as OpenAPI 3.1, from the same structs that read questions and write answers."""

from typing import Any, Final

import msgspec

from dashboard.api_ask import Question
from dashboard.api_http import JSON, Problem
from dashboard.api_reply import Answer
from dashboard.notes import Asked as Note

_REF: Final = "#/components/schemas/{name}"
_REFUSALS: Final = {
    "400": "It cannot be answered; the message says why, and the nearest that can.",
    "401": "There is no pass, or it does not work.",
    "403": "The pass is not for this.",
    "404": "There is no such site for this pass.",
    "413": "The body is too large.",
    "429": "Too many wrong passes were tried.",
}
_EXAMPLE: Final = {
    "site_id": "school",
    "metrics": ["visitors", "pageviews", "bounce_rate"],
    "date_range": "28d",
    "dimensions": ["visit:source"],
    "pagination": {"limit": 10},
}


def document(*, base_url: str, version: str) -> dict[str, Any]:
    """Return the whole document."""
    (question, answer, note, problem), schemas = msgspec.json.schema_components(
        [Question, Answer, Note, Problem], ref_template=_REF
    )
    refusals = {code: _answer(told, problem) for code, told in _REFUSALS.items()}
    query = {
        "summary": "Ask for figures of a site",
        "description": (
            "Modelled on the Stats API v2 of Plausible. Figures come from closed days and the k-ruled snapshot of the "
            "running one; a figure that is withheld is null, and visitors over several days are visitor-days."
        ),
        "requestBody": {"required": True, "content": {JSON: {"schema": question, "example": _EXAMPLE}}},
        "responses": {"200": _answer("The answer.", answer), **refusals},
    }
    noting = {
        "summary": "Write a note at a day, such as a release",
        "operationId": "note",
        "requestBody": {"required": True, "content": {JSON: {"schema": note}}},
        "responses": {"201": {"description": "The note as it was kept."}, **refusals},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Turven", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": base_url}],
        "security": [{"pass": []}],
        "paths": {
            "/api/query": {"post": {**query, "operationId": "query"}},
            "/api/v2/query": {"post": {**query, "operationId": "query_v2"}},
            "/api/notes": {"post": noting},
        },
        "components": {
            "securitySchemes": {"pass": {"type": "http", "scheme": "bearer", "description": "A pass of one site."}},
            "schemas": schemas,
        },
    }


def _answer(told: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": told, "content": {JSON: {"schema": schema}}}
