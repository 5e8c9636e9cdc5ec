"""Has every figure that a check writes, and every column that is kept, its words for people?"""

import ast
from pathlib import Path

import collector.audit
from collector.audit.kept import inventory
from dashboard.audit_columns import TEXTS
from dashboard.audit_names import FIGURES


def test_every_figure_of_a_check_has_a_name_for_people() -> None:
    """What a check calls a figure stands in the page in Dutch too: each name that a check writes has its words."""
    folder = Path(collector.audit.__file__).parent
    calls = [node for file in folder.glob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    named = {
        keyword.arg
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "that"
        for keyword in call.keywords
        if keyword.arg
    }
    assert named - set(FIGURES) == set(), "name them in dashboard/audit_names.py and in both catalogues"


def test_every_column_has_its_reason_in_dutch() -> None:
    """Role, unit and reason of each column of the database are told in the reader's language."""
    asked = {text for _, comment in inventory().values() for text in comment.split(" | ")}
    assert asked - set(TEXTS) == set(), "name them in dashboard/audit_columns.py and in both catalogues"
