"""The rules of the house: who may import whom, what belongs together, what must be written down.

Each rule is a function from what it looks at to the violations it finds, so that it can be shown to find one.
"""

import ast
import hashlib
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from gettext import GNUTranslations
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask

from survey import cli, create_app, scheduler
from survey.settings import CATALOGUES, SOURCE_LANGUAGE, Settings, environment_name, languages, locale_of

ROOT = Path(__file__).parent.parent
SURVEY = ROOT / "survey"
README = (ROOT / "README.md").read_text(encoding="utf-8")

TOP = {
    "__init__",
    "__main__",
    "channels",
    "cli",
    "commands",
    "demo",
    "emails",
    "envelopes",
    "form_letters",
    "headlines",
    "invitations",
    "mirror_words",
    "planning",
    "running",
    "scheduler",
    "server",
    "web",
    "wording",
}
BELOW = {"measure", "colours", "settings"}  # import nothing of Espejo but themselves; settings, colours too
PURE_IMPORTS = {"numpy", "scipy"}  # what measure/ may use besides the standard library
WEB_LIBRARIES = {"flask", "flask_babel", "flask_login", "flask_limiter", "flask_wtf", "wtforms", "werkzeug"}
GATE = {
    "cells",
    "closing",
    "confirmations",
    "mirrors",
    "notices",
    "reflections",
    "releases",
    "tallies",
}  # the only readers of what people said
GUARDED = {
    *("Addition", "Comment", "Rated", "Rating", "Receipt", "Reply", "Tally"),
    *("Hindrance", "LeadView", "Notice", "NoticeTally", "OwnView", "OwnViewTally"),
}
OTHER_READERS = {
    "responses.py": {"Comment", "Rating", "Receipt"},  # writes what people say
    "receipts.py": {"Comment", "Receipt", "Reply"},  # shows a comment to whoever holds its receipt
    "database.py": {"LeadView"},  # rewrites it
    "erasure.py": {"Hindrance", "LeadView"},  # deletes a person's
    "hindrances.py": {"Hindrance"},  # shows them to the lead and to HR
}
TOP_LEVEL = {"LICENSE", "README.md", "pyproject.toml", "schedules", "static", "survey", "tests"}

TRANSLATED = [code for code in languages() if code != SOURCE_LANGUAGE]

Import = tuple[str, str]  # (module, name): ("survey.models", "Tally"), ("time", "")


@cache
def imports_of(source: str) -> list[Import]:
    """Everything that a module imports, wherever in it."""
    found: list[Import] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def own_parts(imports: Iterable[Import]) -> set[str]:
    """The parts of Espejo (first level) that are imported: "models", "measure", "web"."""
    parts = set()
    for module, name in imports:
        path = [*module.split("."), name]
        if path[0] == "survey":
            parts.add(path[1] or "__init__")
    return parts


def import_violations(part: str, source: str) -> set[str]:
    """What `part` (a first-level module or package of survey/) imports although it stands above it."""
    imports = imports_of(source)
    parts, libraries = own_parts(imports), {module.split(".")[0] for module, _ in imports}
    if part in TOP:
        return set()
    if part in BELOW:
        own = {part, "colours"} if part == "settings" else {part}
        return (parts - own) | (libraries & (WEB_LIBRARIES | {"peewee", "playhouse", "time", "socket"}))
    if part == "models":
        return (parts - {"models", "measure"}) | (libraries & WEB_LIBRARIES)
    return (parts & TOP) | (libraries & WEB_LIBRARIES)


@cache
def sources() -> dict[str, str]:
    """{path below survey/: source} of every module but migrations."""
    return {
        str(path.relative_to(SURVEY)): path.read_text(encoding="utf-8")
        for path in sorted(SURVEY.rglob("*.py"))
        if "migrations" not in path.parts
    }


def part_of(path: str) -> str:
    return Path(path).parts[0].removesuffix(".py")


def test_imports_point_one_way():
    found = {path: wrong for path, source in sources().items() if (wrong := import_violations(part_of(path), source))}
    assert found == {}


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("measure", "from survey.models import Tally"),
        ("measure", "import peewee"),
        ("models", "from survey.waves import open_due"),
        ("waves", "from flask import request"),
        ("waves", "from survey.web.access import settings"),
        ("releases", "def late():\n    from survey import cli"),
    ],
)
def test_an_import_that_points_up_is_found(part, source):
    assert import_violations(part, source)


def measure_libraries(source: str) -> set[str]:
    libraries = {module.split(".")[0] for module, _ in imports_of(source)}
    return libraries - set(sys.stdlib_module_names) - PURE_IMPORTS - {"survey"}


def test_the_measures_use_the_standard_library_and_scipy_alone():
    for path, source in sources().items():
        if part_of(path) == "measure":
            assert measure_libraries(source) == set(), path


def undeclared(imports: Iterable[Import]) -> set[str]:
    """What is imported though pyproject.toml does not name it: the next release of another library may not bring it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    declared = {re.split(r"[^\w-]", requirement)[0].replace("_", "-").lower() for requirement in asked}
    homes = packages_distributions()
    libraries = {module.split(".")[0] for module, _ in imports} - set(sys.stdlib_module_names) - {"survey"}
    return {name for name in libraries if not declared & {home.replace("_", "-").lower() for home in homes[name]}}


def test_every_library_that_is_imported_is_declared():
    assert undeclared(one for source in sources().values() for one in imports_of(source)) == set()
    assert undeclared([("blinker", ""), ("flask.json", "")]) == {"blinker"}


def gate_violations(path: str, source: str) -> set[str]:
    """Tables of answers that a module names although it is not the gate."""
    allowed = OTHER_READERS.get(path, set())
    names = {name for module, name in imports_of(source) if module == "survey.models"}
    return set() if part_of(path) in GATE | {"models"} else (names & GUARDED) - allowed


def test_only_the_gate_reads_what_people_said():
    assert {path: wrong for path, source in sources().items() if (wrong := gate_violations(path, source))} == {}


def test_a_page_that_reads_tallies_is_found():
    assert gate_violations("web/hr.py", "from survey.models import Department, Tally") == {"Tally"}


def clock_reads(source: str) -> list[str]:
    """Calls that read the real clock."""
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call for call in calls if call in ("time.time", "datetime.now", "date.today", "datetime.utcnow")]


def test_only_the_top_reads_the_real_clock():
    assert [path for path, source in sources().items() if part_of(path) not in TOP and clock_reads(source)] == []
    assert clock_reads("import time\ntime.time()")


def test_every_blueprint_has_its_templates_and_its_tests(app: Flask):
    for name in app.blueprints:
        assert (SURVEY / "web" / f"{name}.py").is_file()
        assert (ROOT / "tests" / "web" / f"test_{name}.py").is_file(), f"tests of {name} are missing"
        if name != "api":  # speaks with machines
            assert list((SURVEY / "templates" / name).glob("*.html"))


def test_every_module_has_tests():
    tested = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    without = {"__init__", "__main__", "blueprints", "models", "server", "wording"}  # proved through all that uses them
    without |= {"commands", "running"}  # tests/test_cli.py and test_cli_waves.py are about all commands
    for path in sources():
        name = Path(path).stem
        assert name in without or f"test_{name}.py" in tested, f"{path} has no tests of its own"


def test_every_job_names_a_function(app: Flask, settings: Settings):
    assert set(scheduler.read_jobs()) == set(scheduler.Clockwork(app, settings).jobs)


def test_the_top_level_holds_what_was_agreed():
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert names - TOP_LEVEL - {"build", "dist", "espejo-data", "uv.lock"} == set()


# --- What people read ----------------------------------------------------------------------------------------------


def catalogue(language: str) -> Path:
    return CATALOGUES / str(locale_of(language)) / "LC_MESSAGES" / "messages.po"


@cache
def strings() -> set[str]:
    """Every string that is to be translated, as pybabel finds them."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    found = extract_from_dir(
        ROOT / "survey",
        method_map=[(mapping["pattern"], mapping["method"]) for mapping in mappings],
        options_map={mapping["pattern"]: {"trimmed": "true"} for mapping in mappings},
        keywords={"_": None, "_l": None, "gettext": None, "ngettext": (1, 2)},
    )
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_string_is_translated(language: str):
    with catalogue(language).open("rb") as file:
        translated = {
            message.id[0] if isinstance(message.id, tuple) else message.id: message for message in read_po(file)
        }
    missing = {text for text in strings() if text not in translated or not all_filled(translated[text].string)}
    assert missing == set()
    assert not [message.id for message in translated.values() if message.id and message.fuzzy]


def all_filled(string: str | tuple[str, ...]) -> bool:
    return all(string) if isinstance(string, tuple) else bool(string)


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_placeholders(language: str):
    with catalogue(language).open("rb") as file:
        for message in read_po(file):
            assert placeholders(message.string) == placeholders(message.id) or not message.id, message.id


def placeholders(text: str | tuple[str, ...]) -> set[str]:
    """Those of a text, or of all forms of a plural (the singular may do without the number)."""
    return set(re.findall(r"%\((\w+)\)", text if isinstance(text, str) else " ".join(text)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_up_to_date(language: str, tmp_path: Path):
    with catalogue(language).open("rb") as file:
        messages = read_po(file)
    with (tmp_path / "fresh.mo").open("wb") as file:
        write_mo(file, messages)
    assert compiled(catalogue(language).with_suffix(".mo")) == compiled(tmp_path / "fresh.mo")


def compiled(path: Path) -> dict[object, str]:
    """What a compiled catalogue says, without its header, which holds the day it was made."""
    with path.open("rb") as file:
        texts = vars(GNUTranslations(file))["_catalog"]
    return {key: text for key, text in texts.items() if key}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_plural_differs_from_its_singular(language: str):
    texts = compiled(catalogue(language).with_suffix(".mo"))
    plurals = {key[0] for key in texts if isinstance(key, tuple)}
    assert len(plurals) >= 10
    assert plurals <= strings()
    same = {key for key in plurals if texts[key, 0] == texts[key, 1]}
    of_any_number = {"of %(num)d nothing sure can be said", "%(num)d thank-you", "%(num)d more"}
    assert same <= of_any_number


def forbidden_attributes(template: str) -> list[str]:
    """style= and on…= attributes, which the security policy forbids."""
    return re.findall(r"""\s(?:style|on[a-z]+)=["']""", template)


def test_no_page_has_inline_styles_or_scripts():
    pages = [path for path in (SURVEY / "templates").rglob("*.html") if path.parent.name != "emails"]
    assert [path.name for path in pages if forbidden_attributes(path.read_text(encoding="utf-8"))] == []
    assert forbidden_attributes('<p style="color: red">')


def test_every_file_of_others_is_the_one_that_was_vendored():
    vendor = ROOT / "static" / "vendor"
    listed = dict(reversed(line.split("  ")) for line in (vendor / "SHA256SUMS").read_text().splitlines())
    present = {f"./{path.relative_to(vendor)}" for path in vendor.rglob("*") if path.is_file()} - {"./SHA256SUMS"}
    assert set(listed) == present
    for name, digest in listed.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name


# --- What README says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(path.stem for path in SURVEY.glob("[a-z]*.py")))
def test_readme_says_what_each_module_is_about(module: str) -> None:
    assert f"`{module}`" in README.split("## Working on it")[1]


@pytest.mark.parametrize("name", [environment_name(field) for field in fields(Settings)])
def test_readme_names_every_setting(name: str):
    assert f"`{name}`" in README


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_readme_gives_each_settings_default_and_meaning(field):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{environment_name(field)}`"))
    assert field.metadata["meaning"] in row
    assert not field.default or f"`{field.default}`" in row


def commands(group: click.Group = cli.main, before: str = "espejo") -> list[str]:
    found = []
    for name, command in group.commands.items():
        found += commands(command, f"{before} {name}") if isinstance(command, click.Group) else [f"{before} {name}"]
    return found


@pytest.mark.parametrize("command", commands())
def test_readme_names_every_command(command: str):
    assert command in README


@pytest.mark.parametrize("demo", [False, True])
def test_readme_names_every_page(settings: Settings, demo: bool):
    for rule in create_app(settings, demo=demo).url_map.iter_rules():
        shown = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"<\1>", rule.rule)
        if rule.endpoint != "static" and "GET" in (rule.methods or ()):
            assert f"`{shown}`" in README, f"README does not name the page {shown}"


def test_readmes_pictures_are_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 3
    assert [name for name in pictures if not (ROOT / name).is_file()] == []


def test_the_gate_runs_readmes_test_command():
    assert re.search(r"^python3 -m venv .*pytest$", README, re.MULTILINE)
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
