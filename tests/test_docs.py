"""The documentation's commands are ones that the program takes, and its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seizure import (
    doctor,
    evaluate,
    export,
    look,
    predict,
    prepare,
    score,
    simulate,
    submission,
    train,
    tune,
)
from seizure.cli.command import check_overrides, load

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
VERBS = {
    module.VERB.name: module.VERB
    for module in (
        *(look, simulate, prepare, doctor, train, evaluate, tune),
        *(export, submission, score, predict),
    )
}

# In fenced blocks and in running text; a command ends with its line, its quote or the next one.
_COMMAND = re.compile(r"python3? -m seizure(?P<verb>\.\w+)?(?P<rest>(?:\\\n|[^\n`;|&#])*)")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


def name(path):
    return str(path.relative_to(ROOT))


def commands_of(page):
    """Every `python -m seizure...` of a page: its verb, or None, and its arguments."""
    text = page.read_text(encoding="utf-8")
    for found in _COMMAND.finditer(text):
        told = shlex.split(found["rest"].replace("\\\n", " "))
        # What a shell's variable holds is not on the page.
        arguments = [argument for argument in told if "$" not in argument]
        yield (found["verb"] or "").removeprefix("."), arguments


COMMANDS = [
    pytest.param(verb, arguments, id=f"{name(page)}: {verb} {' '.join(arguments)}")
    for page in PAGES
    for verb, arguments in commands_of(page)
    # `seizure.<verb>` stands for any of them.
    if verb or not arguments
]
LINKS = [
    pytest.param(page, found["target"], id=f"{name(page)}: {found['target']}")
    for page in PAGES
    for found in _LINK.finditer(page.read_text(encoding="utf-8"))
    if "://" not in found["target"]
]


def anchor(heading):
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def test_the_readme_shows_how_to_train():
    verbs = {verb for verb, _ in commands_of(PAGES[0])}
    assert {"prepare", "train", "predict"} <= verbs


@pytest.mark.parametrize(("verb", "arguments"), COMMANDS)
def test_every_command_is_one_that_the_program_takes(verb, arguments):
    if not verb:
        return
    assert verb in VERBS
    given = [argument for argument in arguments if not argument.startswith("-")]
    assert {a for a in arguments if a.startswith("-")} <= {"-m", "--multirun", "--help", "-h"}
    schema = VERBS[verb].schema
    check_overrides(schema, given)
    if "--help" in arguments or any("…" in argument or "<" in argument for argument in given):
        return
    parsed = OverridesParser.create().parse_overrides(given)
    # A sweep is composed job by job: its first values stand for all.
    single = [
        f"{override.get_key_element()}={first_of(override)}"
        if override.is_sweep_override()
        else text
        for text, override in zip(given, parsed, strict=True)
    ]
    # Where and from what is the reader's to say; a command may be shown without.
    load(verb, schema, [*required(verb, given), *single])


def first_of(override):
    """A value that a sweep tries: the first of those listed, or an interval's lower end."""
    if override.is_interval_sweep():
        return override.value().start
    return next(override.sweep_string_iterator())


def required(verb, given):
    """A value for each key without a default that the command leaves to the reader."""
    keys = {
        "look": ("recording",),
        "simulate": ("out",),
        "evaluate": ("checkpoint",),
        "tune": ("checkpoint",),
        "export": ("checkpoint",),
        "submission": (
            "checkpoint",
            "algorithm.title",
            "algorithm.image",
            "algorithm.license",
            "algorithm.authors",
        ),
        "score": ("reference", "hypothesis"),
        "predict": ("input", "checkpoint"),
    }.get(verb, ())
    missing = [key for key in keys if not any(a.startswith(f"{key}=") for a in given)]
    if verb == "evaluate" and any(a.startswith("tracks=") for a in given):
        missing = []  # tracks stand for a checkpoint
    if "corpus=tusz" in given and not any(a.startswith("corpus.root=") for a in given):
        # It exists only once its corpus is chosen.
        return [*(f"{key}=x" for key in missing), "corpus=tusz", "corpus.root=x"]
    return [f"{key}=x" for key in missing]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_every_relative_link_leads_somewhere(page, target):
    path, _, heading = target.partition("#")
    aim = (page.parent / path).resolve() if path else page
    assert aim.exists(), f"{name(page)} links to {target}"
    if heading and aim.suffix == ".md":
        headings = _HEADING.findall(aim.read_text(encoding="utf-8"))
        assert heading in {anchor(text) for text in headings}
