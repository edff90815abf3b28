"""Settings: where each comes from, and what is said of one that cannot be used."""

import os
import stat
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from survey.settings import Settings, SettingsError, environment_name, folder

# A value of each setting that is not its default.
OTHER = {
    "home": "/srv/espejo",
    "database_url": "postgresql://espejo@db/espejo",
    "secret_key": "a long secret",
    "base_url": "https://espejo.example/app",
    "smtp_url": "smtp://user:p%40ss@mail.example:587",
    "mail_from": "espejo@mirror.example",
    "mail_per_minute": "30",
    "company": "Mirror Ltd",
    "colour": "#7b1fa2",
    "language": "en",
    "timezone": "America/Bogota",
    "min_group": "7",
    "retention_days": "30",
    "rest_days": "21",
    "reply_within": "3",
    "trusted_proxies": "2",
    "metrics_token": "another secret",
}
NAMES = [field.name for field in fields(Settings)]


def read(**environment: str) -> Settings:
    return Settings.from_environment({f"ESPEJO_{name}": value for name, value in environment.items()})


def refusal(**environment: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read(**environment)
    return str(refused.value)


def test_without_an_environment_every_setting_has_its_default() -> None:
    assert Settings.from_environment({}) == Settings()


def test_every_setting_is_tried_here() -> None:
    assert set(OTHER) == set(NAMES)
    assert not {field.name for field in fields(Settings) if field.default == OTHER[field.name]}


def test_every_setting_has_a_unit_and_a_meaning() -> None:
    assert all(field.metadata["unit"] and field.metadata["meaning"] for field in fields(Settings))


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_comes_from_the_environment(name: str) -> None:
    assert getattr(read(**{name.upper(): OTHER[name]}), name) == OTHER[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_comes_from_the_file_that_the_environment_names(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{OTHER[name]}\n", encoding="utf-8")
    assert getattr(read(**{f"{name.upper()}_FILE": str(tmp_path / "secret")}), name) == OTHER[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_and_its_file_together_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(OTHER[name], encoding="utf-8")
    said = refusal(**{name.upper(): OTHER[name], f"{name.upper()}_FILE": str(tmp_path / "secret")})
    assert said == f"ESPEJO_{name.upper()} and ESPEJO_{name.upper()}_FILE are both set; keep one of them."


def test_a_file_that_is_missing_is_named() -> None:
    said = refusal(SECRET_KEY_FILE="/nowhere/key")
    assert said == "ESPEJO_SECRET_KEY_FILE: /nowhere/key cannot be read (No such file or directory)."


def test_an_empty_name_of_a_file_is_no_file() -> None:
    assert read(COMPANY="Mirror Ltd", COMPANY_FILE="").company == "Mirror Ltd"


def test_what_is_given_goes_before_the_environment() -> None:
    assert Settings.from_environment({"ESPEJO_LANGUAGE": "en"}, language="es").language == "es"


def test_the_process_environment_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPEJO_COMPANY", "Mirror Ltd")
    assert Settings.from_environment().company == "Mirror Ltd"


def test_a_variable_is_named_after_its_setting() -> None:
    assert [environment_name(field) for field in fields(Settings)][:2] == ["ESPEJO_HOME", "ESPEJO_DATABASE_URL"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANGUAGE", "fr"),
        ("LANGUAGE", "ES"),
        ("TIMEZONE", "Europe/Nowhere"),
        ("TIMEZONE", "/etc/passwd"),
        ("TIMEZONE", ""),
        ("MIN_GROUP", "2"),
        ("MIN_GROUP", "five"),
        ("MIN_GROUP", "-5"),
        ("MIN_GROUP", "5.5"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "all"),
        ("BASE_URL", "espejo.example"),
        ("BASE_URL", "ftp://espejo.example"),
        ("BASE_URL", "https://"),
        ("BASE_URL", "https://[::1"),
        ("SMTP_URL", "mail.example"),
        ("SMTP_URL", "http://mail.example"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://mail.example:twenty-five"),
        ("SMTP_URL", "smtp://mail.example:99999"),
        ("DATABASE_URL", "mysql://db/espejo"),
        ("DATABASE_URL", "/var/lib/espejo.sqlite3"),
        ("DATABASE_URL", "postgresql://h1:5432,h2:x/espejo"),
        ("RETENTION_DAYS", "a while"),
        ("RETENTION_DAYS", "-1"),
        ("MAIL_PER_MINUTE", "-1"),
        ("MAIL_PER_MINUTE", "a few"),
        ("REST_DAYS", "a fortnight"),
        ("REST_DAYS", "91"),
        ("REPLY_WITHIN", "0"),
        ("REPLY_WITHIN", "61"),
        ("REPLY_WITHIN", "a week"),
        ("MAIL_FROM", "espejo"),
        ("MAIL_FROM", "espejo@"),
        ("MAIL_FROM", "Espejo <espejo@mirror.example>"),
        ("MAIL_FROM", "espejo@mirror.example\nBcc: boss@x.example"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name: str, value: str) -> None:
    assert f"ESPEJO_{name}" in refusal(**{name: value})


def test_no_refusal_repeats_a_password() -> None:
    for name in ("SMTP_URL", "DATABASE_URL"):
        assert "hunter2" not in refusal(**{name: "http://user:hunter2@mail.example"})


@pytest.mark.parametrize("people", ["3", "5", "50"])
def test_k_may_be_three_or_more(people: str) -> None:
    assert read(MIN_GROUP=people).smallest_group == int(people)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@db/espejo",
        "cockroachdb://u@db:26257/espejo",
        "postgresql://u:p@h1:5432,h2:5432/espejo?target_session_attrs=read-write",
        "postgresql:///espejo?host=h1,h2",
        "",
    ],
)
def test_these_databases_are_known(url: str) -> None:
    assert read(DATABASE_URL=url).database_url == url


@pytest.mark.parametrize("url", ["smtp://mail.example", "smtps://user:p%40ss@mail.example:465", "smtp://[::1]:25"])
def test_these_mail_servers_are_known(url: str) -> None:
    assert read(SMTP_URL=url).smtp_url == url


def test_the_address_has_no_slash_at_its_end() -> None:
    assert read(BASE_URL="https://espejo.example/").address == "https://espejo.example"


@pytest.mark.parametrize(("url", "is_https"), [("https://x.example", True), ("http://x.example", False)])
def test_https_is_known_by_the_address(url: str, is_https: bool) -> None:
    assert read(BASE_URL=url).is_https is is_https


# The secret key


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_that_is_set_is_the_key(tmp_path: Path) -> None:
    assert Settings(home=str(tmp_path), secret_key="mine").key() == "mine"
    assert not list(tmp_path.iterdir())


def test_the_key_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key = Settings(home=str(tmp_path / "home")).key()
    finally:
        os.umask(before)
    assert (mode(tmp_path / "home"), mode(tmp_path / "home" / "secret-key"), len(key)) == (0o700, 0o600, 64)


def test_the_key_stays_the_same(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path))
    assert settings.key() == settings.key()
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_each_home_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert Settings(home=str(tmp_path / "a")).key() != Settings(home=str(tmp_path / "b")).key()


@pytest.mark.slow
def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    script = "from survey.settings import Settings; print(Settings.from_environment().key())"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={"ESPEJO_HOME": str(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    keys = [process.communicate()[0] for process in started]
    assert len(set(keys)) == 1
    assert len(keys[0].strip()) == 64
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret-key"]


def test_a_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings(home="~/espejo").home_folder == tmp_path / "espejo"


# Folders


@pytest.mark.parametrize("name", ["static", "schedules"])
def test_folders_that_ship_are_found(name: str) -> None:
    assert folder(name).is_dir()


def test_a_folder_that_is_missing_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="The folder pictures is neither in"):
        folder("pictures")


def test_an_empty_file_is_refused_and_no_key_is_made_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" \n", encoding="utf-8")
    assert refusal(SECRET_KEY_FILE=str(tmp_path / "key")) == f"ESPEJO_SECRET_KEY_FILE: {tmp_path}/key is empty."


@pytest.mark.parametrize(("text", "mails"), [("", 0), ("0", 0), ("1", 1), ("600", 600)])
def test_a_rate_of_none_or_nothing_is_no_limit(text: str, mails: int) -> None:
    assert read(MAIL_PER_MINUTE=text).mail_rate == mails


@pytest.mark.parametrize("days", [1, 60])
def test_a_complaint_is_answered_in_time_within_one_day_to_a_quarter(days: int) -> None:
    assert read(REPLY_WITHIN=str(days)).reply_days == days


def test_nobody_is_forgotten_before_they_have_rested() -> None:
    assert read(REST_DAYS="30", RETENTION_DAYS="30").rest_days == "30"
    said = refusal(REST_DAYS="31", RETENTION_DAYS="30")
    assert said.startswith("ESPEJO_REST_DAYS: 31 is more than ESPEJO_RETENTION_DAYS (30)")
