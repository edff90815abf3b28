"""What is built for others to install has everything in it, and runs far from the checkout."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = {  # where it stands in the checkout → where it must be in the wheel
    "static": "survey/static",
    "schedules": "survey/schedules",
    "survey/templates": "survey/templates",
    "survey/translations": "survey/translations",
    "survey/migrations": "survey/migrations",
    "survey/questionnaires": "survey/questionnaires",
    "survey/mappings": "survey/mappings",
}

pytestmark = pytest.mark.slow


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--quiet", "--wheel-dir", folder)
    (built,) = folder.glob("espejo-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `espejo` in an environment of its own; its dependencies are this environment's."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", home)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    run(home / "bin" / "python", "-m", "pip", "install", "--no-deps", "--quiet", wheel)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin" / "espejo"


def test_the_wheel_carries_every_file_and_no_tests_or_secrets(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    for source, target in SHIPPED.items():
        files = [path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*") if path.is_file()]
        wanted = {f"{target}/{path}" for path in files if "__pycache__" not in path.parts}
        assert wanted, source
        assert wanted - carried == set(), source
    for end in (
        "es/LC_MESSAGES/messages.mo",
        "LiberationSans-Regular.ttf",
        "pico.min.css",
        "jobs.toml",
        "quarterly.toml",
    ):
        assert any(name.endswith(end) for name in carried), end
    assert not [name for name in carried if not name.startswith(("survey/", "espejo-"))]
    assert not [name for name in carried if name.endswith((".sqlite3", "secret-key", ".pyc"))]


def test_the_wheel_names_every_licence_and_carries_its_text(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as carried:
        (place,) = [name for name in carried.namelist() if name.endswith(".dist-info/METADATA")]
        told = message_from_bytes(carried.read(place))
        folder = place.removesuffix("METADATA") + "licenses/"
        texts = [carried.read(folder + name).decode() for name in sorted(told.get_all("License-File"))]
    vendored = {path.name for path in (ROOT / "static" / "vendor").iterdir() if path.is_dir()}
    assert told["License-Expression"] == "MIT AND OFL-1.1"
    assert len(texts) == 1 + len(vendored)
    for text, licence in zip(texts, ("MIT License", "SIL OPEN FONT LICENSE Version 1.1", "MIT License"), strict=True):
        assert licence in text


def test_the_source_carries_what_its_tests_and_its_readme_need(tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "builder")
    builder = tmp_path / "builder" / "bin" / "python"
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    run(builder, "-m", "pip", "install", "--quiet", *needs)
    run(builder, "-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path, cwd=ROOT)
    (built,) = tmp_path.glob("espejo-*.tar.gz")
    with tarfile.open(built) as packed:
        carried = {name.partition("/")[2] for name in packed.getnames()}
    pictures = {str(path.relative_to(ROOT)) for path in (ROOT / ".pictures").iterdir()}
    assert {".ci/run", "tests/test_house.py", "static/vendor/SHA256SUMS", *pictures} - carried == set()


def test_the_fonts_are_those_of_the_open_licence() -> None:
    """Liberation 1 was under the GPL; what a font says of itself is in UTF-16."""
    fonts = [path.read_bytes() for path in (ROOT / "static" / "vendor").rglob("*.ttf")]
    assert len(fonts) == 2
    assert all("Licensed under the SIL Open Font License, Version 1.1".encode("utf-16-be") in font for font in fonts)


def test_the_installed_command_runs_from_any_folder(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ESPEJO_", "PYTHON"))}
    elsewhere = {"cwd": tmp_path, "env": environment}
    package = run(installed.parent / "python", "-c", "import survey; print(survey.__file__)", **elsewhere)
    assert package.startswith(str(installed.parent.parent))
    run(installed, "pulse", "add", "clima", "--cadence", "monthly", "--first", "2026-03-02", **elsewhere)
    assert "  4. opens 2026-06-02 09:00+0200" in run(installed, "pulse", "plan", **elsewhere)
    assert "waves opened: 1" in run(installed, "tick", "--at", "2026-03-02T09:00", **elsewhere)
    assert "Mirar" not in run(installed, "wave", "list", **elsewhere)
    assert (tmp_path / "espejo-data" / "espejo.sqlite3").exists()


def test_the_installed_pages_have_their_templates_styles_and_translations(installed: Path, tmp_path: Path) -> None:
    look = """
import tempfile
from survey import create_app, database
from survey.charts import to_png
from survey.settings import Settings
settings = Settings.from_environment({}, home=tempfile.mkdtemp())
database.open_database(settings)
browser = create_app(settings).test_client()
print(browser.get("/login?lang=es").text)
print(browser.get("/static/base.css").status_code)
"""
    page = run(installed.parent / "python", "-c", look, cwd=tmp_path)
    assert "Entrar" in page
    assert page.endswith("200\n")
