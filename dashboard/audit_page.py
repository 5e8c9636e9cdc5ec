"""The auditor's page: what is promised, what was seen, and the button that looks again."""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.audit.compare import compare
from collector.audit.report import Facts, Report
from collector.audit.shelf import Listed
from collector.errors import TurvenError
from dashboard import access
from dashboard.assets import pack
from dashboard.audit_compare import parts
from dashboard.audit_narrow import narrow
from dashboard.audit_report import read
from dashboard.audit_sheet import doing, ended, page_values, when_in
from dashboard.audit_words import PAPERS
from dashboard.frame import FORM_BYTES_MAX, Endpoint, Frame
from dashboard.house import Auditing, AuditRun
from dashboard.view import View
from dashboard.who import Right

#: How often the page looks how far a check is, without scripts.
REFRESH_SECONDS: Final = 5
_NOTED_MAX: Final = 100
_STYLE: Final = re.compile("<style>(.*?)</style>", re.DOTALL)
#: What a form on the page asks for again.
_KEPT_PARAMETERS: Final = ("report", "view", "lang")


class AuditPages:
    """Answer requests for evidence that was handed in."""

    def __init__(self, *, auditing: Auditing, frame: Frame, refresh_seconds: float) -> None:
        self._auditing = auditing
        self._frame = frame
        self._refresh_seconds = refresh_seconds
        #: Whose mark the run has: it may be a name, and other auditors are other people's.
        self._started_by = ""

    def page(self, request: Request) -> Response:
        """Answer the newest report and what can be told at once; `?report=` names an older one, shown as it was."""
        kept = self._auditing.kept()
        asked = request.query_params.get("report")
        name = asked or (kept[0].name if kept else "")
        report = self._report(request, name)
        if asked and report is None:
            return self._frame.message(request, "no_report", status=404)
        return self._answer(request, report, kept=kept, name=name, is_old=bool(asked))

    def _answer(
        self,
        request: Request,
        report: Report | None,
        *,
        kept: Sequence[Listed],
        name: str,
        is_old: bool,
        error: str = "",
        status: int = 200,
    ) -> Response:
        view = self._frame.view(request)
        words = view.words
        live = None if is_old else narrow(self._auditing.live(), self._frame.who(request).sites)
        run = None if is_old else self._auditing.run()
        sheet = read(report, live=live, words=words)
        hidden = [(key, request.query_params[key]) for key in _KEPT_PARAMETERS if key in request.query_params]
        return self._frame.page(
            request,
            "audit/page.html",
            status=status,
            **page_values(sheet, words=words),
            kept=kept,
            name=name,
            is_old=is_old,
            is_open=request.query_params.get("view") == "open",
            is_served=True,
            run=run,
            run_error=error or (ended(words, run.error, run.message) if run and run.error else ""),
            doing=doing(words, run.doing) if run else "",
            own_mark=sheet.lines["R41"] if run and self._is_own(request, run) else None,
            refresh=self._refresh_seconds,
            papers=_papers(sheet.facts, view),
            noted=request.query_params.get("head", "")[:_NOTED_MAX],
            hidden=hidden,
            asked_language=request.query_params.get("lang", ""),
        )

    def compare(self, request: Request) -> Response:
        """Answer what differs between the reports `?old=` and `?new=`, whichever way round they were named."""
        older, newer = (self._report(request, request.query_params.get(key, "")) for key in ("old", "new"))
        if older is None or newer is None:
            return self._frame.message(request, "no_report", status=404)
        if older.at > newer.at:
            older, newer = newer, older
        words = self._frame.view(request).words
        when = when_in(newer.facts, words)
        found = compare(older, newer)
        return self._frame.page(
            request, "audit/compare.html", d=found, parts=parts(found, words=words, when=when), when=when
        )

    def json(self, request: Request) -> Response:
        """Answer a report as data."""
        report = self._chosen(request)
        if report is None:
            return self._frame.message(request, "no_report", status=404)
        headers = {**access.HEADERS, "Content-Disposition": f'attachment; filename="{_file(report)}.json"'}
        body = msgspec.json.format(msgspec.json.encode(report), indent=1)
        return pack(request, body, media_type="application/json", headers=headers)

    def archive(self, request: Request) -> Response:
        """Answer a report as a ZIP of evidence."""
        report = self._chosen(request)
        if report is None:
            return self._frame.message(request, "no_report", status=404)
        language = self._frame.view(request).words.language
        body = self._auditing.archive(report, language=language)
        headers = {
            **access.HEADERS,
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{_file(report)}.zip"',
        }
        return Response(body, media_type="application/zip", headers=headers)

    def paper(self, request: Request) -> Response:
        """Answer a paper about a site, as a page to print; its own style is allowed by its hash and nothing else."""
        language = self._frame.view(request).words.language
        name, site = request.path_params["name"], request.query_params.get("site", "")
        is_theirs = self._frame.who(request).may(Right.EVIDENCE, site)
        text = self._auditing.paper(name, site, language=language) if is_theirs else None
        if text is None:
            return self._frame.message(request, "no_page", status=404)
        hashes = [b64encode(sha256(style.encode()).digest()).decode() for style in _STYLE.findall(text)]
        allowed = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
        policy = f"default-src 'none'; style-src {allowed}; frame-ancestors 'none'; base-uri 'none'"
        headers = {**access.HEADERS, "Content-Security-Policy": policy, "Content-Language": language}
        return pack(request, text.encode(), media_type="text/html; charset=utf-8", headers=headers)

    def start(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Start a full check and go back to the page, which tells how far it is."""
        mark = dict(fields).get("mark", "").strip()
        view = self._frame.view(request)
        try:
            self._auditing.start(mark)
            self._started_by = self._frame.who(request).name
        except TurvenError as error:
            kept = self._auditing.kept()
            name = kept[0].name if kept else ""
            report = self._report(request, name)
            told = ended(view.words, error.code, error.message)
            return self._answer(request, report, kept=kept, name=name, is_old=False, error=told, status=422)
        return RedirectResponse(view.path("/audit"), 303, headers=dict(access.HEADERS))

    def _is_own(self, request: Request, run: AuditRun) -> bool:
        """Tell whether *run* is over, and had a mark that its reader gave."""
        is_over = bool(run.mark) and not run.is_running and not run.error
        return is_over and self._started_by in {"", self._frame.who(request).name}

    def _chosen(self, request: Request) -> Report | None:
        kept = self._auditing.kept()
        name = request.query_params.get("report") or (kept[0].name if kept else "")
        return self._report(request, name)

    def _report(self, request: Request, name: str) -> Report | None:
        """Return a report that was kept, without sites that its reader is not given."""
        report = self._auditing.report(name) if name else None
        return narrow(report, self._frame.who(request).sites) if report else None


def _papers(facts: Facts, view: View) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the papers of each site that there are, by its id: what they are called, and where they are."""
    sites = [str(record["site"]) for record in facts.register if record.get("site")]
    return [
        (
            site,
            [(view.words.text(text), view.path(f"/audit/papers/{name}", site=site)) for name, text in PAPERS.items()],
        )
        for site in sites
    ]


def _file(report: Report) -> str:
    """Return the name of a file of evidence: when the audit ran."""
    at = "".join(mark for mark in report.at[:16] if mark.isdigit())
    return f"turven-audit-{at}"


def routes(*, auditing: Auditing, frame: Frame, refresh_seconds: float = REFRESH_SECONDS) -> list[Route]:
    """Return the routes of the auditor's page.

    Args:
        auditing: Gathers evidence.
        frame: Makes pages, and knows who may open which.
        refresh_seconds: How often the page looks how far a check is.
    """
    pages = AuditPages(auditing=auditing, frame=frame, refresh_seconds=refresh_seconds)
    base = frame.base_path
    answers: dict[str, Endpoint] = {
        "/audit": pages.page,
        "/audit/compare": pages.compare,
        "/audit/report.json": pages.json,
        "/audit/evidence.zip": pages.archive,
        "/audit/papers/{name}": pages.paper,
    }
    found = [
        Route(base + path, frame.guarded(answer, Right.EVIDENCE), methods=["GET"]) for path, answer in answers.items()
    ]
    taking = frame.form(pages.start, Right.AUDIT)
    return [*found, Route(f"{base}/audit", taking, methods=["POST"], max_body_size=FORM_BYTES_MAX)]
