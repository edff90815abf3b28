"""Form letters: each reader gets what would have been written for them alone, and nobody else's words."""

import re
from email.message import EmailMessage

import pytest
from flask import Flask
from flask_babel import force_locale

from survey import outbox
from survey.emails import _Composer, write
from survey.envelopes import content_of, message_id, sealed, sender_of
from survey.form_letters import fits
from survey.models import Department, Invitation, Message, Person, Wave
from survey.settings import Settings, locale_of
from survey.signing import invitation_token, reader_token
from tests.cast import DAY, OPENS, Company
from tests.mails import HOSTILE, TOKEN, _today, html_of, read, text_of

__all__ = ["_today"]  # a fixture

asking = pytest.mark.parametrize("kind", [outbox.INVITATION, outbox.REMINDER])
ODD = {
    "markup that closes": "</title></p><script>x()</script>&amp;&nbsp;&#0;",
    "signs of templates": "{{ 7 }} {% raw %} %(name)s {0} ${name} \\1\\g<0> $$",
    "signs of the encoding": "=3D =\u00e1= a=",
    "blanks": "  Ana   María  ",
    "a full stop": ".",
}


@pytest.fixture
def composer(app: Flask, settings: Settings) -> _Composer:
    return _Composer(app, settings)


@pytest.fixture
def wave(company: Company) -> Wave:
    """The second one, so that all has a place in the mail; it has been reminded of."""

    def play() -> Wave:
        company.released_wave()
        Message.delete().execute()
        wave = company.open_wave()
        invited = Invitation.select(Invitation.person).where(Invitation.wave == wave).tuples()
        outbox.queue(outbox.REMINDER, [person for (person,) in invited], OPENS, wave=wave, sequence=1)
        return wave

    return company.once("a second wave with a reminder", play)


def message_to(person: Person, kind: str) -> Message:
    return Message.get(Message.person == person, Message.kind == kind)


def whole(app: Flask, settings: Settings, message: Message) -> EmailMessage:
    """The mail as it is written for one reader alone."""
    person = Person.get_by_id(message.person_id)
    with app.test_request_context("/", base_url=settings.address), force_locale(locale_of(person.language)):
        mail = write(message, person, settings)
    copy_id = message_id(message.mail_id, settings)
    return read(sealed(content_of(mail), sender_of(mail), person.name, person.email, OPENS, copy_id))


def seen(mail: EmailMessage) -> list[object]:
    """All that a mail program shows or obeys; where one part ends and the next begins is drawn by lot."""
    headers = [(name, value) for name, value in mail.items() if name != "Content-Type"]
    return [sorted(headers), mail.get_content_type(), text_of(mail), html_of(mail)]


def assert_as_whole(app: Flask, settings: Settings, composer: _Composer, message: Message) -> None:
    assert seen(read(composer.compose(message, OPENS))) == seen(whole(app, settings, message))


# The same as if it were written alone


@asking
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_form_letter_reads_as_if_it_had_been_written_for_its_reader_alone(
    kind: str, language: str, company: Company, wave: Wave, app: Flask, settings: Settings, composer: _Composer
) -> None:
    Person.update(language=language).execute()
    for person in (company.alice, company.bob, company.charlie):
        assert_as_whole(app, settings, composer, message_to(person, kind))
    assert len(composer._forms._found) <= 2


@pytest.mark.parametrize("words", [*HOSTILE.values(), *ODD.values()], ids=[*HOSTILE, *ODD])
def test_hostile_names_read_the_same_in_a_form_letter(
    words: str, company: Company, wave: Wave, app: Flask, settings: Settings, composer: _Composer
) -> None:
    message = message_to(company.charlie, outbox.INVITATION)
    composer.compose(message, OPENS)
    Person.update(name=words).where(Person.id == company.charlie.id).execute()
    Department.update(name=Department.name.concat(words[:150])).execute()
    assert_as_whole(app, settings, composer, message)


def test_words_with_other_blanks_than_a_space_are_no_form_letter() -> None:
    assert fits({"name": "María Ñ. <b>&'\" 名前 🎉"})
    for sign in "\n\r\t\x00\x0b\x85\u2028\xa0\u200b":
        assert not fits({"name": f"Ana{sign}"})


# Nobody else's words


def test_no_two_readers_get_each_others_link_or_name(wave: Wave, settings: Settings, composer: _Composer) -> None:
    messages = list(Message.select(Message, Person).join(Person).where(Message.kind == outbox.INVITATION))
    ids = dict(Invitation.select(Invitation.person, Invitation.id).where(Invitation.wave == wave).tuples())
    assert len(messages) == 59
    for message in messages:
        mail = composer.compose(message, OPENS)
        own = {invitation_token(ids[message.person_id], settings), reader_token(message.person_id, settings)}
        parsed = read(mail)
        text, html = text_of(parsed), html_of(parsed)
        assert mail.receiver == message.person.email
        assert message.person.name in text
        assert set(TOKEN.findall(text)) == own
        assert {re.split(r'[?"<]', found)[0] for found in TOKEN.findall(html)} == own


def test_each_reads_in_the_own_language_about_the_own_departments(
    company: Company, wave: Wave, composer: _Composer
) -> None:
    asked = {}
    for person, language in ((company.alice, "es"), (company.charlie, "en"), (company.bob, "es")):
        Person.update(language=language).where(Person.id == person.id).execute()
        mail = read(composer.compose(message_to(person, outbox.INVITATION), OPENS))
        providers = Invitation.get(Invitation.wave == wave, Invitation.person == person).providers.split()
        names = [Department.get_by_id(int(provider)).name for provider in providers]
        assert ("Hola" in text_of(mail)) == (language == "es")
        assert all(name in text_of(mail) and name in html_of(mail) for name in names)
        asked[person.id] = mail["To"].addresses[0].display_name
    assert list(asked.values()) == [company.alice.name, company.charlie.name, company.bob.name]


def test_a_name_cannot_end_a_part_of_the_mail(company: Company, wave: Wave, composer: _Composer) -> None:
    """Whoever has had a form letter knows what stands between its parts."""
    message = message_to(company.charlie, outbox.INVITATION)
    seam = read(composer.compose(message, OPENS)).get_boundary()
    Person.update(name=f"--{seam}--").where(Person.id == company.charlie.id).execute()
    mail = read(composer.compose(message, OPENS))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.get_boundary() == seam
    assert f"--{seam}--" in text_of(mail)


# As they are now


def test_what_has_changed_since_the_last_reader_is_told(company: Company, wave: Wave, composer: _Composer) -> None:
    Person.update(language="en").execute()
    first, second = (message_to(person, outbox.INVITATION) for person in (company.alice, company.charlie))
    assert "16" in text_of(read(composer.compose(first, OPENS)))
    Wave.update(closes_at=Wave.closes_at + DAY, min_group=7).where(Wave.id == wave.id).execute()
    Department.update(name=Department.name.concat(" and more")).execute()
    mail = read(composer.compose(second, OPENS))
    assert "17" in mail["Subject"]
    assert "at least 7 people" in text_of(mail)
    assert " and more" in text_of(mail)


@pytest.mark.parametrize("words", ["Ñ" * 200, "x" * 200])
def test_no_line_is_longer_than_mail_servers_like(
    words: str, company: Company, wave: Wave, composer: _Composer
) -> None:
    Person.update(name=words).where(Person.id == company.charlie.id).execute()
    mail = composer.compose(message_to(company.charlie, outbox.INVITATION), OPENS)
    _, body = mail.content.split(b"\r\n\r\n", 1)
    assert mail.content.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"[^\r]\n|\r[^\n]", mail.content)
