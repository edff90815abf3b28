"""Languages: a catalogue and a questionnaire's entry are all that a further one needs, added as README says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po
from flask import Flask

from survey import create_app, settings
from survey.models import Person
from survey.questionnaire import DEFAULT, load_questionnaire
from survey.roster import import_people
from survey.settings import Settings, SettingsError, find_language, languages, locale_of, offered_languages
from survey.sheets import ImportRefused
from tests import pseudo
from tests.cast import Company

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.compile(r"^\.venv/bin/(pybabel (?:extract|init|compile) .*)$", re.MULTILINE)


@pytest.fixture
def third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Brazilian Portuguese is offered as well."""
    with monkeypatch.context() as changed:
        pseudo.install(tmp_path / "third", changed)
        yield
    pseudo.forget()


@pytest.fixture
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for catalogues, with none in it."""
    monkeypatch.setattr(settings, "CATALOGUES", tmp_path)
    languages.cache_clear()
    yield tmp_path
    languages.cache_clear()


def offer(catalogues: Path, *folders: str) -> None:
    for name in folders:
        (catalogues / name / "LC_MESSAGES").mkdir(parents=True)
        (catalogues / name / "LC_MESSAGES" / "messages.mo").touch()


def test_spanish_and_english_come_with_espejo_by_their_own_names() -> None:
    assert languages() == {"es": "español", "en": "English"}
    assert offered_languages() == "es or en"


def test_a_language_is_offered_when_it_has_a_catalogue_after_spanish_and_english(catalogues: Path) -> None:
    offer(catalogues, "pt_BR", "fr", "es", "de")
    assert languages() == {
        "es": "español",
        "en": "English",
        "de": "Deutsch",
        "fr": "français",
        "pt-BR": "português (Brasil)",
    }
    assert offered_languages() == "es, en, de, fr or pt-BR"


def test_without_catalogues_there_is_english(catalogues: Path) -> None:
    assert (list(languages()), offered_languages()) == (["en"], "en")


def test_a_folder_that_is_named_like_no_language_is_refused_by_name(catalogues: Path) -> None:
    offer(catalogues, "klingon")
    with pytest.raises(SettingsError, match="klingon: name the folder like a language: fr, pt_BR"):
        languages()


@pytest.mark.parametrize("text", ["pt-BR", "pt_BR", "PT-br", " pt-br "])
def test_a_language_is_found_however_it_is_written(catalogues: Path, text: str) -> None:
    offer(catalogues, "pt_BR")
    assert find_language(text) == "pt-BR"
    assert str(locale_of("pt-BR")) == "pt_BR"


@pytest.mark.parametrize("text", ["", "pt", "fr", "english", "../es"])
def test_what_is_not_offered_is_not_found(text: str) -> None:
    assert find_language(text) is None


def test_a_language_that_is_no_longer_offered_gives_way_to_the_companys() -> None:
    company = Settings(language="en")
    assert [company.language_for(code) for code in ("es", "pt-BR", None)] == ["es", "en", "en"]


# --- A third language in use ---------------------------------------------------------------------------------------


def test_people_come_in_with_any_language_that_is_offered(company: Company, third: None, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,name,department,language\nana@mirror.example,Ana,Sales,pt_BR\n", encoding="utf-8")
    import_people(file, "es")
    assert Person.get(Person.email == "ana@mirror.example").language == "pt-BR"
    file.write_text("email,name,department,language\nana@mirror.example,Ana,Sales,fr\n", encoding="utf-8")
    with pytest.raises(ImportRefused, match='"fr" is not offered; write es, en or pt-BR'):
        import_people(file, "es")


def test_it_may_be_the_companys(third: None) -> None:
    assert Settings.from_environment({"ESPEJO_LANGUAGE": "pt-BR"}).language == "pt-BR"
    with pytest.raises(SettingsError, match="write es, en or pt-BR"):
        Settings.from_environment({"ESPEJO_LANGUAGE": "fr"})


@pytest.mark.parametrize(("address", "browser"), [("?lang=pt-BR", "es"), ("?lang=pt_BR", "es"), ("", "pt-BR,es;q=0.5")])
def test_the_answer_page_is_shown_and_offered_in_it(
    third: None, settings: Settings, company: Company, address: str, browser: str
) -> None:
    client = create_app(settings).test_client()
    page = client.get(f"/r/forged.token{address}", headers={"Accept-Language": browser}).text
    assert '<html lang="pt-BR">' in page
    assert "<strong>português (Brasil)</strong>" in page
    assert 'lang="en" hreflang="en">English</a>' in page
    other = client.get("/r/forged.token?lang=en").text
    assert '<a href="?lang=pt-BR" lang="pt-BR" hreflang="pt-BR">português (Brasil)</a>' in other


def test_a_mailed_link_opens_in_the_persons_own(third: None, company: Company, settings: Settings, app: Flask) -> None:
    Person.update(language="pt-BR").where(Person.id == company.hanna.id).execute()
    assert load_questionnaire(DEFAULT).title["pt-BR"] == pseudo.pseudo("How do our departments serve each other?")


# --- README's commands ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_readmes_commands_add_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = README.split("### Another language")[1].split("\n## ")[0]
    commands = COMMANDS.findall(section)
    assert [command.split()[1] for command in commands] == ["extract", "init", "compile"]
    catalogue = tmp_path / "translations" / "fr" / "LC_MESSAGES" / "messages.po"
    for command in commands:
        words = command.replace("survey/translations", str(tmp_path / "translations"))
        words = words.replace("messages.pot", str(tmp_path / "messages.pot")).split("#")[0].split("&&")[0].split()
        if words[1] == "compile":
            translate(catalogue)
        subprocess.run([sys.executable, "-m", "babel.messages.frontend", *words[1:]], cwd=ROOT, check=True)
    monkeypatch.setattr(settings, "CATALOGUES", tmp_path / "translations")
    languages.cache_clear()
    assert languages() == {"en": "English", "fr": "français"}
    languages.cache_clear()


def translate(catalogue: Path) -> None:
    with catalogue.open("rb") as file:
        messages = read_po(file)
    for message in messages:
        forms = message.id if isinstance(message.id, tuple) else (message.id,)
        if message.id:
            message.string = forms if len(forms) > 1 else forms[0]
    with catalogue.open("wb") as file:
        write_po(file, messages)


def test_in_spanish_what_is_hindered_is_said_wherever_something_hinders() -> None:
    """English says that something hinders; "impide" alone leaves open what."""
    with (settings.CATALOGUES / "es" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        told = [str(message.string) for message in read_po(file) if "impid" in str(message.string)]
    assert len(told) >= 9
    assert [text for text in told if "atender mejor" not in text] == []
