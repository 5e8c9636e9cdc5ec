"""Documents and code agree: links, tests, commands, make targets and settings that are named do exist."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

import turven
from tests.evidence import Claim, claims, evidence
from turven.group import COMMANDS

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")])
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_TEST: Final = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")
#: A path of the source tree in backticks; NNNN stands for a number to come.
_PATH: Final = re.compile(
    r"`((?:collector|dashboard|deploy|docs|tests|bench|requirements)/(?!decisions/NNNN)[\w./-]+)`"
)
_MAKE: Final = re.compile(r"`make ([a-z]+)`|^make ([a-z]+)", re.MULTILINE)
_INLINE: Final = re.compile(r"`turven ([^`]+)`")
_BLOCK: Final = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Commands that later versions bring are named in one place only, which says so.
_PLANNED: Final = re.compile(r"^## What is not there yet\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    """Return a document's path as a reader knows it."""
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    """Return a document without what it says is still to come."""
    return _PLANNED.sub("", path.read_text("utf-8"))


def anchor(heading: str) -> str:
    """Return the fragment that a heading is reached by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every `turven` command of a document."""
    yield from (shlex.split(found) for found in _INLINE.findall(text))
    for block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"\s*(?:\S*/python -m |\S*/)?turven(?: --config \S+)? ([a-z].*)", line)
            if found:
                yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """Every relative link of a document leads to a file that is there, and to a heading of it where it names one."""
    missing = []
    for either in _LINK.findall(document.read_text("utf-8")):
        target = either[0] or either[1]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (fragment and fragment not in map(anchor, _HEADING.findall(file.read_text("utf-8")))):
            missing.append(target)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_path_and_test_that_is_named_exists(document: Path) -> None:
    """Every file that a document names is there, and every test that it names as a proof."""
    text = document.read_text("utf-8")
    known = {claim.address for claim in claims()}
    tests = {found for found in _TEST.findall(text) if "::" in found}
    paths = {found.partition("::")[0] for found in [*_PATH.findall(text), *_TEST.findall(text)]}
    assert tests - known == set()
    assert {path for path in paths if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    """Every make target of a document is a target of the Makefile."""
    named = {first or second for first, second in _MAKE.findall(document.read_text("utf-8"))}
    assert named - set(targets()) == set()


def targets() -> list[str]:
    """Return the targets that the Makefile makes."""
    return re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_every_phony_target_is_made() -> None:
    """What the Makefile declares, and what its help lists, it can make."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    declared = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[0].split()
    listed = re.findall(r"^# make ([a-z]+)", makefile, re.MULTILINE)
    assert set(declared) == set(targets())
    assert set(listed) <= set(targets())


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_is_named_is_understood(document: Path) -> None:
    """Every `turven` command of a document is one of the command line, with options that it knows."""
    wrong = [problem for words in commands(text_of(document)) if (problem := problem_of(words))]
    assert wrong == []


def problem_of(words: list[str]) -> str:
    """Return what the command line does not understand of a command; empty where it understands all."""
    group: click.Command = turven.main
    names: list[str] = []
    for word in words:
        if not isinstance(group, click.Group):
            break
        # `turven site add|list|set` names several at once.
        choices = word.split("|")
        inside = click.Context(group)
        unknown = [choice for choice in choices if choice not in group.list_commands(inside)]
        if unknown:
            return f"{' '.join([*names, unknown[0]])}: unknown command"
        found = group.get_command(inside, choices[0])
        assert found
        group = found
        names.append(choices[0])
    known = {option for parameter in group.params for option in [*parameter.opts, *parameter.secondary_opts]}
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    foreign = used - known - {"-h", "--help"}
    if foreign:
        return f"{' '.join(names)}: unknown option {', '.join(sorted(foreign))}"
    result = CliRunner().invoke(turven.main, [*names, "--help"])
    return "" if result.exit_code == 0 else f"{' '.join(names)}: no help"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("site add school --identity browser", ""),
        ("site add|list|set", ""),
        ("site forget", "site forget: unknown command"),
        ("audit --loud", "audit: unknown option --loud"),
        ("schema", ""),
    ],
)
def test_a_wrong_command_is_noticed(words: str, problem: str) -> None:
    """The check of commands finds what it is there to find."""
    assert problem_of(shlex.split(words)) == problem


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_of_commands_says_what_each_does(name: str) -> None:
    """`turven --help` says of a command what its own help says first, though it does not import it."""
    command = turven.main.get_command(click.Context(turven.main), name)
    assert command
    assert (command.help or "").splitlines()[0] == COMMANDS[name][1]


def test_every_test_claims_something() -> None:
    """Every test of a promise says in a sentence what holds, so that the list of evidence can be read."""
    silent = [claim.address for claim in claims() if "/walls/" in claim.file and not claim.sentence.endswith(".")]
    assert silent == []


def test_the_list_of_evidence_names_every_test_once() -> None:
    """The list of evidence has one line for each test, below the file it stands in."""
    lines = list(evidence())
    made: list[Claim] = list(claims())
    assert sum(line.startswith("  - ") for line in lines) == len(made)
    assert [line for line in lines if line.startswith("tests/")] == list(dict.fromkeys(claim.file for claim in made))


def test_decisions_say_question_choice_and_price() -> None:
    """Every decision says what was asked, what was chosen, what it costs, and how to tell that it was wrong."""
    for path in sorted(ROOT.glob("docs/decisions/*.md")):
        text = path.read_text("utf-8")
        assert re.match(rf"# {int(path.name[:4])}\. ", text), path.name
        assert "**Question.**" in text, path.name
        assert "**Choice.**" in text, path.name
        assert "**How to tell it was wrong.**" in text, path.name


def test_every_decision_that_code_names_is_there() -> None:
    """A comment that refers to a decision refers to one that can be read."""
    named = {
        found
        for folder in ("collector", "dashboard")
        for path in (ROOT / folder).rglob("*.py")
        for found in re.findall(r"docs/decisions/[\w-]+\.md", path.read_text("utf-8"))
    }
    assert {path for path in named if not (ROOT / path).is_file()} == set()


def test_every_setting_is_in_the_example() -> None:
    """The example of settings names every setting of the house."""
    example = (ROOT / "deploy" / "turven.toml").read_text("utf-8")
    fields = {
        item.target.id
        for file in ("settings.py", "settings_parts.py")
        for node in ast.parse((ROOT / "collector" / file).read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name != "SubProcessor"
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    assert {field for field in fields if not re.search(rf"^(# )?\[?{field}\]?\b", example, re.MULTILINE)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_opt_out_button_is_one_that_the_tracker_hears(document: Path) -> None:
    """A button that a document tells to copy has the attribute that the tracker listens to, and no other."""
    heard = set(re.findall(r"\[(data-turven[\w-]*)\]", (ROOT / "collector/static/turven.js").read_text("utf-8")))
    told = set(re.findall(r"<button[^>]* (data-turven[\w-]*)", document.read_text("utf-8")))
    assert heard
    assert told <= heard
