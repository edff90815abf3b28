"""A lead's commitments: made, kept and dropped on the lead's page; each for the own departments, and nobody else."""

import re
from datetime import date
from html import unescape

import pytest
import time_machine
from peewee import OperationalError

from survey import commitments, receipts, releases, returns
from survey.commitments import Draft
from survey.models import Comment, Commitment, CommitmentClient, Invitation, Leadership, Rating, Wave
from survey.responses import Answer
from survey.signing import invitation_token, reader_token
from tests.cast import DAY, OPENS
from tests.web.pages import STRANGE, Link, everything, strange

NOW = OPENS + 120 * DAY
NOW_DAY = date(2026, 6, 30)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def finance(company):
    return company.departments["Finance"]


@pytest.fixture
def form(released, finance):
    """What Alice would send after the latest release."""
    return {
        "wave": released[0].id,
        "department": finance.id,
        "text": "We answer within two days.",
        "item": "diligence",
        "due_on": "2026-08-01",
    }


@pytest.fixture
def alice(company, released, sign_in):
    return sign_in(company.alice)


@pytest.fixture
def made(released, finance):
    """Something that Finance has promised."""
    draft = Draft("diligence", "We answer within two days.", date(2026, 8, 1))
    return commitments.make(released[0], finance, draft, date(2026, 6, 30))


def section(page: str) -> str:
    return page.split('<section class="commitments"')[1].split("</section>")[0]


# --- The lead's way ------------------------------------------------------------------------------------------------


def test_what_is_promised_shows_at_once_with_its_day_and_its_credits(alice, form, released, finance):
    clients = releases.named_clients(released[0], [finance.id])[finance.id][:2]
    answer = alice.post("/lead/commitments/", data=form | {"clients": [client.id for client in clients]})
    assert answer.location == f"/lead/?wave={released[0].id}#commitments-finance"
    shown = section(alice.get("/lead/?lang=en").text)
    assert "<strong>We answer within two days.</strong>" in shown
    assert "promised by Saturday 1 August" in shown
    assert f"thanks to {clients[0].name} and {clients[1].name}" in shown


def test_the_form_offers_the_clients_and_suggestions_of_this_release_alone(company, wave, sign_in, finance):
    def about(provider: int) -> Answer:
        return Answer(provider, {"overall": 4}, None, f"About {provider}", "suggestion")

    company.answer(wave, about)
    company.close_wave(wave)
    shown = section(sign_in(company.alice).get("/lead/").text)
    assert f"About {finance.id}</option>" in shown
    assert f"About {company.departments['IT'].id}" not in shown
    named = releases.named_clients(Wave.get_by_id(wave.id), [finance.id])[finance.id]
    offered = re.findall(r'name="clients" value="\d+">([^<]+)', shown)
    assert offered == [client.name for client in named]
    assert offered


def test_before_the_first_release_nothing_can_be_promised(company, wave, sign_in, finance):
    alice = sign_in(company.alice)
    assert "commitments" not in alice.get("/lead/").text
    for number in (wave.id, 99, "", "x", 2**70):
        assert alice.post("/lead/commitments/", data={"wave": number, "department": finance.id}).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": " "}, "Write what will change."),
        ({"text": "x" * 301}, "Write at most 300 characters."),
        ({"due_on": "2026-06-29"}, "Choose a day between"),
        ({"due_on": "soon"}, "Choose a day between"),
        ({"item": "missing"}, "Choose what it is to improve."),
        ({"suggestion": "0" * 32}, "This suggestion is none of this release."),
        ({"clients": ["1", "99"]}, "Credit only departments that the results name."),
    ],
)
def test_a_fault_is_named_and_what_was_written_comes_back(alice, form, wrong, said):
    answer = alice.post("/lead/commitments/?lang=en", data=form | {"text": "<b>Soon</b>"} | wrong)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'role="alert"' in answer.text
    assert answer.text.count('aria-invalid="true"') == ("suggestion" not in wrong)  # there is none to choose
    assert ("&lt;b&gt;Soon&lt;/b&gt;</textarea>" in answer.text) == ("text" not in wrong)
    assert not Commitment.select().exists()


def test_every_item_is_offered_in_the_readers_language(alice):
    assert alice.get("/lead/?lang=es").text.count("<option value=") >= 6
    assert "¿Qué va a cambiar?" in alice.get("/lead/?lang=es").text


def test_what_is_done_is_done_once(alice, made):
    for _ in range(2):
        assert alice.post(f"/lead/commitments/{made.id}/done").status_code == 302
    assert (Commitment.get().state, str(Commitment.get().ended_on)) == ("done", "2026-06-30")
    page = alice.get("/lead/?lang=en").text
    assert "Este compromiso ya había terminado." in page  # said when it was sent, in Alice's own language
    assert "done on Tuesday 30 June" in section(page)
    assert "/done" not in section(page)


def test_dropping_takes_a_reason_and_shows_it(alice, made):
    alice.post(f"/lead/commitments/{made.id}/drop", data={"reason": " "})
    assert Commitment.get().state == "open"
    alice.post(f"/lead/commitments/{made.id}/drop", data={"reason": "No <i>budget</i>"})
    shown = section(alice.get("/lead/?lang=en").text)
    assert "dropped on Tuesday 30 June: No &lt;i&gt;budget&lt;/i&gt;" in shown


def test_one_whose_day_has_passed_says_so(alice, made):
    Commitment.update(due_on=date(2026, 6, 29)).execute()
    assert "promised by Monday 29 June, and late" in section(alice.get("/lead/?lang=en").text)


def test_strange_words_are_text(alice, form):
    alice.post("/lead/commitments/", data=form | {"text": STRANGE})
    page = alice.get("/lead/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in section(page)


# --- Suggestions ---------------------------------------------------------------------------------------------------

CODE = receipts.new_code()


@pytest.fixture
def suggestion(company, released) -> Comment:
    """What somebody of Sales suggests to Finance, with a receipt; others suggest the like to each department."""
    wave, said = company.open_wave(), set()

    def about(provider: int) -> Answer:
        if provider in said:
            return Answer(provider, {"overall": 4})
        said.add(provider)
        code = receipts.digest(CODE) if provider == company.departments["Finance"].id else None
        return Answer(provider, {"overall": 4}, None, f"{STRANGE} Call back.", "suggestion", code)

    company.answer(wave, about)
    company.close_wave(wave)
    return Comment.get(Comment.provider == company.departments["Finance"])


def to_adopt(comment: Comment, **changed: object) -> dict[str, object]:
    """What the address of the form says, and the form with it."""
    return {"wave": comment.wave_id, "department": comment.provider_id, "suggestion": comment.id} | changed


def thread() -> str:
    return f"/receipt/{CODE}?lang=en"


def test_a_suggestion_is_adopted_by_promising_it(company, suggestion, sign_in, client):
    alice = sign_in(company.alice)
    shown = alice.get("/lead/?lang=en").text
    (address,) = re.findall(r'<p class="adopt"><a href="([^"]+)">Adopt this suggestion', shown)
    page = alice.get(unescape(address) + "&lang=en").text
    assert "Adopt a suggestion" in page
    assert f'<option value="{suggestion.id}" selected>' in page
    assert "<script>alert" not in page
    promised = to_adopt(suggestion, text="We call back.", item="diligence", due_on="2026-08-01")
    assert alice.post("/lead/commitments/", data=promised).status_code == 302
    shown = alice.get("/lead/?lang=en").text
    assert "<strong>Adopted:</strong> We call back. · promised by Saturday 1 August" in shown
    assert "Adopt this suggestion" not in shown
    told = client.get(thread()).text
    assert "<strong>Your suggestion was adopted:</strong> We call back." in told
    assert "promised by Saturday 1 August" in told
    assert "There is no reply yet" not in told


def test_what_is_done_already_needs_no_day(company, suggestion, sign_in, client):
    alice = sign_in(company.alice)
    done = to_adopt(suggestion, text="We call back.", item="diligence", due_on="", done="y")
    assert alice.post("/lead/commitments/", data=done).status_code == 302
    made = Commitment.get()
    assert (made.state, str(made.due_on), str(made.ended_on)) == ("done", "2026-06-30", "2026-06-30")
    assert "<strong>Adopted:</strong> We call back. · done on Tuesday 30 June" in alice.get("/lead/?lang=en").text
    assert "done on Tuesday 30 June" in client.get(thread()).text
    link = Invitation.get(Invitation.wave == company.open_wave(), Invitation.person == company.charlie)
    address = f"/r/{invitation_token(link.id, alice.application.config['ESPEJO'])}"
    thanks = client.post(address, data={f"p{link.providers.split()[0]}-overall": "4"}).text
    assert "done on Tuesday 30 June · thanks to a suggestion" in thanks


def test_what_cannot_be_adopted_comes_back_with_both_buttons(company, suggestion, sign_in):
    answer = sign_in(company.alice).post("/lead/commitments/?lang=en", data=to_adopt(suggestion, done="y"))
    assert answer.status_code == 422
    assert "It is done already" in answer.text
    assert not Commitment.select().exists()


def test_a_suggestion_that_is_dropped_is_told_with_its_reason(company, suggestion, sign_in, client):
    alice = sign_in(company.alice)
    alice.post("/lead/commitments/", data=to_adopt(suggestion, text="Soon.", item="overall", due_on="2026-08-01"))
    alice.post(f"/lead/commitments/{Commitment.get().id}/drop", data={"reason": "No budget."})
    assert "dropped on Tuesday 30 June: No budget." in client.get(thread()).text


def test_complaints_and_thanks_cannot_be_adopted(company, suggestion, sign_in):
    Comment.update(kind="complaint").execute()
    alice = sign_in(company.alice)
    assert "Adopt this suggestion" not in alice.get("/lead/?lang=en").text
    assert alice.get("/lead/commitments/", query_string=to_adopt(suggestion)).status_code == 404


def test_no_other_lead_adopts_or_reads_a_suggestion(company, suggestion, sign_in, client):
    """Neither by its own address, nor as the own department's, nor from another wave."""
    it, text = company.departments["IT"], {"text": "Forged", "item": "overall", "due_on": "2026-08-01"}
    for person, addresses in (
        (company.bob, [to_adopt(suggestion), to_adopt(suggestion, department=it.id)]),
        (company.alice, [to_adopt(suggestion, wave=1), to_adopt(suggestion, suggestion="0" * 32)]),
    ):
        reader, before = sign_in(person), everything()
        for address in addresses:
            answers = [
                reader.get("/lead/commitments/", query_string=address),
                reader.post("/lead/commitments/", data=address | text),
                reader.post("/lead/commitments/", data=address | text | {"done": "y"}),
            ]
            assert {answer.status_code for answer in answers} <= {404, 422}
            assert answers[0].status_code == 404
        assert everything() == before
    assert sign_in(company.charlie).get("/lead/commitments/", query_string=to_adopt(suggestion)).status_code == 403


# --- Nobody else ---------------------------------------------------------------------------------------------------


def forged(client, made, form) -> set[int]:
    """What comes back to somebody who makes, ends and drops what is Finance's."""
    ending = f"/lead/commitments/{made.id}"
    return {
        client.get("/lead/commitments/", query_string=form).status_code,
        client.post("/lead/commitments/", data=form | {"text": "Forged"}).status_code,
        client.post("/lead/commitments/", data=form | {"text": "Forged", "done": "y"}).status_code,
        client.post(f"{ending}/done").status_code,
        client.post(f"{ending}/drop", data={"reason": "Forged"}).status_code,
    }


@pytest.mark.parametrize(
    ("person", "status"), [("bob", 404), ("charlie", 403), ("hanna", 403), ("adam", 403), (None, 302)]
)
def test_nobody_else_can_promise_or_end_anything(company, made, form, sign_in, client, person, status):
    browser = sign_in(getattr(company, person)) if person else client
    before = everything()
    assert forged(browser, made, form) == {status}
    assert everything() == before


def test_a_lead_of_two_departments_can_forge_nothing_about_a_third(company, made, form, sign_in):
    Leadership.create(person=company.bob, department=company.departments["Sales"])
    assert forged(sign_in(company.bob), made, form) == {404}


def test_who_leads_no_longer_can_end_nothing_any_more(company, alice, made, form):
    Leadership.delete().where(Leadership.person == company.alice).execute()
    assert forged(alice, made, form) == {403}


def test_a_lead_reads_the_own_commitments_alone(company, made, sign_in):
    page = sign_in(company.bob).get("/lead/").text
    assert "We answer within two days." not in page
    assert f"commitments/{made.id}/" not in page


@pytest.mark.parametrize("number", [0, 99, 2**31 - 1, 2**31, 2**70, -1, "x"])
def test_what_does_not_exist_cannot_be_ended(alice, number):
    assert alice.post(f"/lead/commitments/{number}/done").status_code == 404


def test_clients_that_are_no_numbers_are_left_out(alice, form):
    alice.post("/lead/commitments/", data=form | {"clients": ["x", "", "1e9", "\0"]})
    assert Commitment.select().count() == 1
    assert CommitmentClient.select().count() == 0


# --- What employees read -------------------------------------------------------------------------------------------


@pytest.fixture
def asked(company, released, settings):
    """Charlie's link in the wave after the two releases."""
    invitation = Invitation.get(Invitation.wave == company.open_wave(), Invitation.person == company.charlie)
    return Link(invitation_token(invitation.id, settings), tuple(map(int, invitation.providers.split())))


def test_before_the_first_question_one_line_tells_what_has_changed(client, asked, made):
    assert "You said, and Finance has promised by Saturday 1 August" in client.get(asked.address).text
    commitments.finish(made, date(2026, 7, 1))
    page = client.get(asked.address).text
    assert "You said, Finance did: “We answer within two days.”" in page
    assert page.count('class="since"') == 1


def test_an_honest_line_stands_where_nothing_was_reported(client, asked):
    assert "have reported nothing new" in client.get(asked.address).text
    assert "have promised nothing yet" in client.post(asked.address, data=asked.filled()).text


def test_the_first_wave_promises_that_something_will_come_back(client, link):
    assert "When this wave closes, the departments say what they will change" in client.get(link.address).text


def test_after_sending_the_latest_commitments_are_told(client, asked, made, company):
    CommitmentClient.create(commitment=made, department=company.departments["Sales"])
    for _ in range(2):  # the second time nothing is sent, but there is still something to read
        page = client.post(asked.address, data=asked.filled()).text
        assert "<strong>Finance:</strong> We answer within two days." in page
        assert "promised by Saturday 1 August · thanks to Sales" in page
    assert "<strong>Finance:</strong>" in client.get(asked.address).text


def test_promises_stand_under_headings_of_their_own(client, asked, made, released, company):
    def headings() -> list[str]:
        page = client.post(asked.address, data=asked.filled()).text
        return [found for found in re.findall(r"<h2[^>]*>(.*?)</h2>", page) if "own department" not in found]

    assert headings() == ["Promised, and still in time"]
    draft = Draft("promises", "We call back.", date(2026, 7, 30))
    commitments.finish(commitments.make(released[0], company.departments["IT"], draft, date(2026, 6, 30)), NOW_DAY)
    assert headings() == ["You said, we did", "Promised, and still in time"]
    Commitment.update(due_on=date(2026, 6, 1)).where(Commitment.id == made.id).execute()
    assert headings() == ["You said, we did", "Promised, and late"]


def test_the_way_leads_on_to_all_that_was_done(client, asked, made, company, settings):
    address = f'href="/you-said/{reader_token(company.charlie.id, settings)}"'
    assert address in client.get(asked.address).text
    assert address in client.post(asked.address, data=asked.filled()).text
    assert address in client.get(asked.address).text
    assert client.get(address[6:-1]).status_code == 200


def test_whose_name_is_forgotten_gets_no_link(client, asked, made):
    Invitation.update(person=None).execute()
    assert "/you-said/" not in client.get(asked.address).text


def test_a_leads_strange_words_are_text_to_employees(client, asked, made):
    Commitment.update(text=STRANGE).execute()
    for page in (client.get(asked.address).text, client.post(asked.address, data=asked.filled()).text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page


def test_employees_read_no_figure_and_no_comment(client, asked, made, company, released):
    company.rate(Wave.get(Wave.state == "open"), "Logistics", 10, strange)
    page = client.get(asked.address).text
    (since,) = re.findall(r'<p class="since">(.*?)</p>', page)
    assert "right to left" not in page
    assert not any(sign.isdigit() for sign in since.replace("1 August", ""))


def test_when_only_the_thanks_fail_the_answer_counts_all_the_same(client, asked, monkeypatch):
    def gone(*_):
        raise OperationalError("gone")

    monkeypatch.setattr(returns, "you_said_we_did", gone)
    answer = client.post(asked.address, data=asked.filled())
    assert (answer.status_code, "Thank you!" in answer.text) == (200, True)
    assert Rating.select().count() == len(asked.providers)
