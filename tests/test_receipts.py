"""Receipts: codes that are given out once, what they lead to, and conversations without a name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import sha256
from threading import Barrier

import pytest
from peewee import IntegrityError

from survey import receipts, waves
from survey.database import leave_no_trace
from survey.erasure import erase
from survey.models import Comment, Invitation, Receipt, Reply, Wave, database
from survey.receipts import MESSAGES, REPLY_CHARACTERS, SIGNS, Held, Published, State, digest, is_code, new_code
from survey.refusal import Refusal
from survey.responses import Answer, accept
from survey.settings import Settings
from tests.cast import DAY, OPENS, Company, asked_by

CODE, OTHER = "7K2M-9QXR-T4VW-0H3N-8PBC-6D1F-5GJK", "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"
SAID = "They promised it for Monday"


def complaining(code: str = CODE, provider: int | None = None) -> Callable[[int], Answer]:
    """The next answer (about `provider`, when that is given) complains with a receipt; all others are fours."""
    codes = iter([code])

    def about(asked: int) -> Answer:
        scores = {"overall": 4}
        if provider in (None, asked) and (mine := next(codes, None)):
            return Answer(asked, scores, None, SAID, "complaint", digest(mine))
        return Answer(asked, scores)

    return about


@pytest.fixture
def running(company: Company) -> Wave:
    """An open wave about Finance, in which somebody has complained with CODE."""

    def play() -> Wave:
        company.ask_only_about("Finance")
        wave = company.open_wave()
        company.rate(wave, "Sales", 10, complaining())
        return wave

    return company.once("a complaint", play)


@pytest.fixture
def released(running: Wave, company: Company) -> Published:
    """The complaint, published."""
    company.once("it is published", lambda: company.close_wave(running))
    return published(company)


def published(company: Company, *names: str) -> Published:
    providers = [company.departments[name].id for name in names or ("Finance",)]
    found = receipts.published(Comment.get(Comment.text == SAID).id, providers)
    assert found
    return found


def held(code: str = CODE) -> Held:
    found = receipts.held(code)
    assert found
    return found


# Codes


def test_a_code_has_140_random_bits_in_signs_that_nobody_takes_for_another() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(is_code(code) for code in codes)
    assert set("".join(codes)) == {*SIGNS, "-"}
    assert len(SIGNS) ** len(CODE.replace("-", "")) == 2**140
    assert not set("ILOU") & set(SIGNS)


@pytest.mark.parametrize(
    "typed",
    [CODE, CODE.lower(), CODE.replace("-", ""), CODE.replace("-", " "), f"  {CODE}\n", CODE.replace("0", "o"),
     CODE.replace("1", "l"), CODE.replace("1", "I"), CODE.replace("-", "--")],
)  # fmt: skip
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert receipts.read_code(typed) == CODE


@pytest.mark.parametrize(
    "text", ["", "x", CODE[:-1], f"{CODE}0", CODE.lower(), f"{CODE}\n", CODE.replace("7", "U"), "é" * 34]
)
def test_what_is_not_exactly_a_code_is_none(text: str) -> None:
    assert not is_code(text)


def test_a_code_that_was_not_given_out_leads_nowhere(running: Wave) -> None:
    for code in (OTHER, CODE[:-1], CODE.lower(), "", "\0", "\ud800", "%", digest(CODE)):
        assert receipts.held(code) is None


def test_codes_that_cannot_be_given_out_are_replaced(running: Wave) -> None:
    fresh = receipts.unused([OTHER, CODE, "forged", OTHER, ""])
    assert fresh[0] == OTHER
    assert len(set(fresh)) == 5
    assert not {CODE, "forged", ""} & set(fresh)
    assert all(is_code(code) for code in fresh)


def test_who_sends_twice_finds_the_codes_again(running: Wave) -> None:
    (found,) = receipts.taken([OTHER, CODE, "forged"])
    assert (found.provider, found.kind, found.code) == ("Finance", "complaint", CODE)


# What is stored


def test_only_the_hash_of_a_code_is_kept(running: Wave) -> None:
    receipt = Receipt.get()
    assert (receipt.digest, receipt.wave_id) == (sha256(CODE.encode()).hexdigest(), running.id)
    assert receipt.comment.text == SAID
    rows = str([list(database.execute_sql(f'SELECT * FROM "{name}"')) for name in database.get_tables()])
    assert CODE not in rows
    assert CODE.replace("-", "") not in rows


def test_receipts_and_replies_have_no_column_for_a_person_or_a_time() -> None:
    assert {column.column_name for column in Receipt._meta.sorted_fields} == {"digest", "wave_id", "comment_id"}
    columns = {column.column_name for column in Reply._meta.sorted_fields}
    assert columns == {"id", "comment_id", "sequence", "by_client", "text", "replied_on"}


def test_the_database_refuses_a_day_beside_what_the_writer_says(released: Published) -> None:
    for by_client, day in ((True, date(2026, 3, 20)), (False, None)):
        with pytest.raises(IntegrityError), database.atomic():
            Reply.create(comment=released.comment.id, sequence=9, by_client=by_client, text="x", replied_on=day)


def test_two_comments_of_one_person_share_no_code(company: Company) -> None:
    wave = company.open_wave()
    invitation = Invitation.get(Invitation.wave == wave, Invitation.person == company.charlie)
    first, second, _ = map(int, invitation.providers.split())
    said = [Answer(provider, {}, None, SAID, "suggestion", digest(CODE)) for provider in (first, second)]
    with pytest.raises(IntegrityError):
        accept(asked_by(invitation.id), said)
    assert not Comment.select().exists()


@pytest.mark.parametrize(("comment", "kind"), [("", None), ("", "complaint"), (SAID, "thanks")])
def test_thanks_and_silence_have_no_receipt(comment: str, kind: str | None) -> None:
    with pytest.raises(ValueError, match="A receipt belongs to a comment"):
        Answer(1, {}, None, comment, kind, digest(CODE))


# What a receipt leads to


def test_while_the_wave_is_open_the_holder_reads_the_comment_and_cannot_add(running: Wave) -> None:
    assert (held().state, held().provider, held().kind, held().text) == (State.WAITING, "Finance", "complaint", SAID)
    with pytest.raises(Refusal, match="once your comment has been passed on"):
        receipts.write_back(held(), "More")
    assert not Reply.select().exists()


def test_a_comment_that_was_passed_on_says_so(released: Published) -> None:
    assert (held().state, held().text, held().thread.messages) == (State.PASSED_ON, SAID, ())


def test_a_comment_among_nine_is_deleted_and_its_receipt_says_why(company: Company) -> None:
    company.ask_only_about("Finance")
    wave = company.open_wave()
    company.rate(wave, "Sales", 9, complaining())
    company.close_wave(wave)
    assert (held().state, held().text, held().provider, held().raters_needed) == (State.TOO_FEW, "", "", 10)
    assert not Comment.select().exists()


def test_a_receipt_of_a_wave_that_was_called_off_says_so(running: Wave) -> None:
    waves.cancel_wave(running, OPENS + DAY)
    assert (held().state, held().text) == (State.CALLED_OFF, "")
    assert not Comment.select().exists()


def test_receipts_of_other_waves_and_departments_stay_as_they_are(company: Company) -> None:
    company.ask_only_about("Finance", "Legal")
    first = company.open_wave()
    company.rate(first, "Sales", 10, complaining(CODE, company.departments["Finance"].id))
    company.close_wave(first)
    second = company.open_wave()
    company.rate(second, "Sales", 9, complaining(OTHER, company.departments["Legal"].id))
    company.close_wave(second)
    assert (held(CODE).state, held(OTHER).state) == (State.PASSED_ON, State.TOO_FEW)


def test_a_code_leads_to_its_own_comment_and_to_no_other(company: Company) -> None:
    company.ask_only_about("Finance")
    wave = company.open_wave()
    company.rate(wave, "Sales", 10, complaining(CODE))
    company.rate(
        wave, "Logistics", 1, lambda provider: Answer(provider, {}, None, "Another", "suggestion", digest(OTHER))
    )
    company.close_wave(wave)
    receipts.reply(published(company), "To the first alone", OPENS + 20 * DAY)
    assert held(OTHER).text == "Another"
    assert held(OTHER).thread.messages == ()
    assert [message.text for message in held(CODE).thread.messages] == ["To the first alone"]


# Conversations


def test_replies_bear_the_local_day_and_what_the_writer_says_bears_none(released: Published, company: Company) -> None:
    receipts.reply(released, "We are sorry", OPENS + 20 * DAY + 15 * 3600 - 1)  # 23:59:59 in Madrid
    receipts.write_back(held(), "Thank you")
    receipts.reply(published(company), "It is mended", OPENS + 20 * DAY + 15 * 3600)
    assert [(message.by_client, message.text, message.replied_on) for message in held().thread.messages] == [
        (False, "We are sorry", date(2026, 3, 22)),
        (True, "Thank you", None),
        (False, "It is mended", date(2026, 3, 23)),
    ]


def test_news_are_what_the_writer_said_since_the_last_reply(released: Published, company: Company) -> None:
    news = []
    for deed in (
        lambda: receipts.write_back(held(), "One"),
        lambda: receipts.write_back(held(), "Two"),
        lambda: receipts.reply(published(company), "Yes", OPENS),
        lambda: receipts.write_back(held(), "Three"),
    ):
        deed()
        thread = published(company).thread
        news.append(thread.news if thread else None)
    assert news == [1, 2, 0, 1]


def test_comments_with_news_come_first() -> None:
    comments = [receipts.PublicComment(str(number), "complaint", "") for number in range(4)]
    spoken = receipts.Thread((receipts.Message(True, "New", None),))
    found = receipts.news_first(comments, {"1": receipts.Thread(), "2": spoken})
    assert [comment.id for comment in found] == ["2", "0", "1", "3"]


@pytest.mark.parametrize("text", ["", "x" * (REPLY_CHARACTERS + 1)])
def test_nothing_and_too_much_are_refused(released: Published, text: str) -> None:
    for say in (lambda: receipts.write_back(held(), text), lambda: receipts.reply(released, text, OPENS)):
        with pytest.raises(Refusal):
            say()
    assert not Reply.select().exists()


def test_the_longest_text_is_taken(released: Published) -> None:
    receipts.write_back(held(), "x" * REPLY_CHARACTERS)
    assert Reply.select().count() == 1


def test_each_side_writes_twenty_times_at_most(released: Published) -> None:
    for number in range(MESSAGES):
        receipts.write_back(held(), f"Number {number}")
    with pytest.raises(Refusal, match="20 times"):
        receipts.write_back(held(), "One more")
    receipts.reply(released, "We still can", OPENS)
    assert Reply.select().count() == MESSAGES + 1


def test_what_is_sent_twice_by_impatience_is_stored_once(released: Published) -> None:
    for text in ("One", "One", "Two", "One"):
        receipts.write_back(held(), text)
    receipts.reply(released, "One", OPENS)
    assert [message.text for message in held().thread.messages] == ["One", "Two", "One", "One"]


def test_eight_messages_at_the_same_time_have_a_place_each(released: Published) -> None:
    found, start = held(), Barrier(8)
    database.close()

    def write(number: int) -> None:
        start.wait()
        with database.connection_context():
            receipts.write_back(found, f"Number {number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    with database.connection_context():
        assert sorted(reply.sequence for reply in Reply.select()) == [*range(1, 9)]


# What a department may do


def test_comments_of_open_waves_and_of_others_are_not_there(running: Wave, company: Company) -> None:
    key, finance = Comment.get().id, company.departments["Finance"].id
    assert receipts.published(key, [finance]) is None
    company.close_wave(running)
    others = [department.id for name, department in company.departments.items() if name != "Finance"]
    assert receipts.published(key, others) is None
    assert receipts.published("forged", [finance]) is None
    assert receipts.published(key, [finance])


def test_a_comment_without_a_receipt_takes_no_reply(company: Company) -> None:
    company.ask_only_about("Finance")
    wave = company.open_wave()
    company.rate(wave, "Sales", 10, lambda provider: Answer(provider, {"overall": 4}, None, "No receipt", "complaint"))
    company.close_wave(wave)
    found = receipts.published(Comment.select().first().id, [company.departments["Finance"].id])
    assert found
    assert found.thread is None
    assert receipts.threads([found.comment]) == {}
    with pytest.raises(Refusal, match="reach nobody"):
        receipts.reply(found, "Hello?", OPENS)


# Nothing joins a conversation with a person


def test_erasing_people_leaves_conversations_as_they_are(released: Published, company: Company) -> None:
    receipts.reply(released, "We are sorry", OPENS)
    receipts.write_back(held(), "Thank you")
    before = held()
    for person in (company.alice, company.charlie):
        assert erase(person.email)
    assert held() == before


@pytest.mark.sqlite
def test_the_files_hold_no_code_and_after_calling_off_no_comment(running: Wave, settings: Settings) -> None:
    files = lambda: b"".join(path.read_bytes() for path in settings.home_folder.glob("espejo.sqlite3*"))  # noqa: E731
    assert SAID.encode() in files()
    waves.cancel_wave(running, OPENS + DAY)
    leave_no_trace()
    assert SAID.encode() not in files()
    assert CODE.encode() not in files()
    assert digest(CODE).encode() in files()
