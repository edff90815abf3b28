"""The answer page in a browser: by touch, by keys, without scripts, over a bad network, and how much of it travels."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from survey import responses, waves
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Commitment, Department, Notice, NoticeQuestion, Wave, database
from survey.questionnaire import MOST_TAPS as QUESTIONNAIRE_TAPS
from tests.browser import DESK, PHONE, Chromium, browsing
from tests.cast import asked_by
from tests.web.pages import Link, stored, written

pytestmark = [pytest.mark.browser, pytest.mark.early]

FOURS = dict.fromkeys(ITEMS, 4)
MOST_TAPS = 22
DRAFT = "JSON.stringify(Object.entries(localStorage))"
IN_VIEW = """element => {
    const box = element.getBoundingClientRect(), bar = document.querySelector(".bar").getBoundingClientRect();
    return box.top >= 0 && box.bottom <= bar.top;
}"""

Visit = Callable[..., Any]


@pytest.fixture
def visit(chromium: Chromium, link: Link, site: str) -> Visit:
    """`with visit(…) as page`: Charlie's link in a browser of these options, whose scripts must not fail."""

    @contextmanager
    def visited(query: str = "", **options: Any) -> Iterator[Page]:
        with browsing(chromium, **options) as context:
            page = context.new_page()
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{site}{link.address}{query}")
            yield page
            assert failures == []

    return visited


@contextmanager
def read() -> Iterator[None]:
    """The database of the pages, for the test itself."""
    with database.connection_context():
        yield


def score(page: Page, provider: int, item: str, value: object):
    return page.locator(f"[name='p{provider}-{item}'][value='{value}']")


def fill_in(page: Page, link: Link, value: int = 4) -> None:
    """Every score of every provider, on a wide screen."""
    for provider in link.providers:
        for item in ITEMS:
            score(page, provider, item, value).check()


def expect_thanks(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("Thank you!")
    expect(page.locator("h1")).to_be_focused()
    assert page.evaluate("localStorage.length") == 0


def offer(*names: str) -> list[int]:
    with read():
        return [Department.create(key=name.lower(), name=name).id for name in names]


# --- By touch --------------------------------------------------------------------------------------------------------


def test_three_departments_take_at_most_22_taps(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        page.evaluate("taps = 0; addEventListener('pointerup', () => taps++, true)")
        for place, provider in enumerate(link.providers):
            for item in ITEMS:
                option = score(page, provider, item, 4)
                assert not place or option.evaluate(IN_VIEW), f"{item} of department {place + 1} is out of view"
                option.tap()
                settle(page)
            page.locator(".next, #send").filter(visible=True).tap()
            settle(page)
        expect_thanks(page)
        taps = page.evaluate("taps")
    print(f"\n{taps} taps for {len(link.providers)} departments")
    assert taps <= MOST_TAPS
    with read():
        assert stored() == dict.fromkeys(link.providers, FOURS)


def settle(page: Page) -> None:
    """Wait until the page has stopped scrolling."""
    page.evaluate("""async () => {
        const frame = () => new Promise(requestAnimationFrame);
        for (let still = 0, last = -1; still < 10; last = scrollY) {
            await frame();
            still = scrollY === last ? still + 1 : 0;
        }
    }""")


def test_a_phone_shows_one_department_at_a_time_and_its_targets_are_large(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        for place, provider in enumerate(link.providers):
            expect(page.locator(".provider").filter(visible=True)).to_have_count(1)
            expect(page.locator(".place").filter(visible=True)).to_have_text(f"{place + 1} of 3")
            score(page, provider, OVERALL, 1).check()
            small = page.evaluate("""() => [...document.querySelectorAll("input, button, select")]
                .map(target => (target.closest("label") || target))
                .filter(target => target.getClientRects().length)
                .map(target => [target.textContent.trim(), target.getBoundingClientRect()])
                .filter(([, box]) => box.width < 44 || box.height < 44).map(([text]) => text)""")
            assert small == []
            if place < 2:
                page.locator(".next").tap()
                expect(page.locator("h2").nth(place + 1)).to_be_focused()
        page.locator(".back").tap()
        expect(page.locator(".place").filter(visible=True)).to_have_text("2 of 3")


def shown_place(page: Page) -> Locator:
    return page.locator(".place").filter(visible=True)


def test_the_browsers_back_leads_to_the_department_before(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        address = page.url
        score(page, link.providers[0], OVERALL, 4).tap()
        for place in (2, 3):
            page.locator(".next").tap()
            expect(shown_place(page)).to_have_text(f"{place} of 3")
        for place in (2, 1):
            page.go_back()
            expect(shown_place(page)).to_have_text(f"{place} of 3")
        expect(score(page, link.providers[0], OVERALL, 4)).to_be_checked()
        page.go_forward()
        expect(shown_place(page)).to_have_text("2 of 3")
        page.reload()
        expect(shown_place(page)).to_have_text("2 of 3")
        page.locator(".back").tap()  # the page's own goes the same way
        expect(shown_place(page)).to_have_text("1 of 3")
        assert page.url == address
        assert page.evaluate("history.state") == {"place": 0}  # a place, and nothing of what was answered
        page.go_back()
        expect(page).not_to_have_url(address)


def test_back_from_the_thanks_leaves_the_survey(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        address = page.url
        for place in range(3):
            page.locator(".skip").nth(place).tap()
        page.locator("#send").tap()
        expect_thanks(page)
        page.go_back()
        expect(page).not_to_have_url(address)


def test_a_wide_screen_has_no_steps_to_go_back(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        fill_in(page, link)
        assert page.evaluate("history.length") == 2  # the empty page, and this one


def test_no_dealings_skips_a_department_in_one_tap(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        for place in range(3):
            page.locator(".skip").nth(place).tap()
        page.locator("#send").tap()
        expect_thanks(page)
    with read():
        assert stored() == {}


def test_a_low_score_brings_what_is_missing_into_view(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        missing = page.locator(".current .missing")
        expect(missing).to_be_hidden()
        score(page, link.providers[0], OVERALL, 2).tap()
        expect(missing).to_be_visible()
        settle(page)
        assert missing.evaluate(IN_VIEW)


def test_who_prefers_calm_sees_no_movement(visit: Visit, link: Link) -> None:
    with visit(has_touch=True, reduced_motion="reduce") as page:
        score(page, link.providers[0], ITEMS[2], 4).tap()
        assert score(page, link.providers[0], ITEMS[3], 4).evaluate(IN_VIEW)


def test_an_added_department_comes_with_its_questions_and_all_else_stays(visit: Visit, link: Link) -> None:
    _, canteen = offer("Archive", "Canteen")
    with visit(has_touch=True) as page:
        score(page, link.providers[0], OVERALL, 3).tap()
        for _ in range(2):
            page.locator(".next").tap()
        for name in ("Archive", "Canteen"):
            page.locator("#add").select_option(label=name)
            page.locator("[name=adding]").tap()
            expect(page.locator("h2").filter(visible=True)).to_have_text(name)
            expect(page.locator("h2").filter(visible=True)).to_be_focused()
        score(page, canteen, "promises", 5).tap()
        page.reload()  # the draft knows what was added
        expect(page.locator(".place").filter(visible=True)).to_have_text("5 of 5")
        expect(score(page, canteen, "promises", 5)).to_be_checked()
        page.locator(".back").tap()
        page.locator("[name=remove]").filter(visible=True).tap()
        expect(page.locator("h2").filter(visible=True)).to_have_text("Canteen")
        page.locator("#send").tap()
        expect_thanks(page)
    with read():
        assert stored() == {link.providers[0]: {OVERALL: 3}, canteen: {"promises": 5}}


# --- Did you notice? -------------------------------------------------------------------------------------------------


@pytest.fixture
def noticeable(link: Link, wave: Wave) -> list[int]:
    """Two commitments that Charlie's department is asked about."""
    found = []
    for provider in link.providers[:2]:
        made = Commitment.create(
            wave=wave, provider=provider, item="promises", text="We answer within two days.", due_on=wave.local_date,
            made_on=wave.local_date, state="done", ended_on=wave.local_date,
        )  # fmt: skip
        NoticeQuestion.create(wave=wave, commitment=made, department=Department.get(Department.name == "Sales"))
        found.append(made.id)
    return sorted(found, reverse=True)


def noticed(page: Page, commitment: int, value: str) -> Locator:
    return page.locator(f"[name='c{commitment}-noticed'][value='{value}']")


def told() -> set[tuple[int, bool]]:
    with read():
        return set(Notice.select(Notice.commitment, Notice.noticed).tuples())


def test_with_two_of_them_three_departments_take_no_more_taps_than_people_give(
    noticeable: list[int], visit: Visit, link: Link
) -> None:
    with visit(has_touch=True) as page:
        page.evaluate("taps = 0; addEventListener('pointerup', () => taps++, true)")
        for provider in link.providers:
            for item in ITEMS:
                score(page, provider, item, 4).tap()
                settle(page)
            page.locator(".next").tap()
            settle(page)
        expect(page.locator(".place").filter(visible=True)).to_have_text("4 of 4")
        expect(page.locator("#notices")).to_be_focused()
        for commitment, value in zip(noticeable, ("yes", "not-yet"), strict=True):
            assert noticed(page, commitment, value).evaluate(IN_VIEW)
            noticed(page, commitment, value).tap()
            settle(page)
        page.locator("#send").tap()
        expect_thanks(page)
        taps = page.evaluate("taps")
    print(f"\n{taps} taps with two questions about what was noticed")
    assert taps <= QUESTIONNAIRE_TAPS
    assert told() == {(noticeable[0], True), (noticeable[1], False)}


def test_by_keys_digits_stop_at_the_first_of_them(noticeable: list[int], visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        score(page, link.providers[2], ITEMS[0], 1).focus()
        for digit in "555555":
            page.keyboard.press(digit)
        expect(noticed(page, noticeable[0], "yes")).to_be_focused()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(noticed(page, noticeable[1], "yes")).to_be_focused()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        expect(page.locator("#add")).to_be_focused()
        page.locator("#send").press("Enter")
        expect_thanks(page)
    assert told() == {(noticeable[0], False), (noticeable[1], True)}


def test_the_draft_keeps_what_was_noticed(noticeable: list[int], visit: Visit, link: Link) -> None:
    offer("Archive")
    with visit(has_touch=True) as page:
        for _ in range(3):
            page.locator(".next").tap()
        noticed(page, noticeable[0], "na").tap()
        page.reload()
        expect(page.locator(".place").filter(visible=True)).to_have_text("4 of 4")
        expect(noticed(page, noticeable[0], "na")).to_be_checked()
        page.locator("#add").select_option(label="Archive")
        page.locator("[name=adding]").tap()
        expect(page.locator("h2").filter(visible=True)).to_have_text("Archive")  # it stands before these questions
        expect(page.locator(".place").filter(visible=True)).to_have_text("4 of 5")
        page.locator(".next").tap()
        expect(noticed(page, noticeable[0], "na")).to_be_checked()
        page.locator("#send").tap()
        expect_thanks(page)
    assert told() == set()


def test_without_scripts_they_are_asked_below_the_departments(noticeable: list[int], visit: Visit, link: Link) -> None:
    with visit(java_script_enabled=False) as page:
        expect(page.locator(".provider").filter(visible=True)).to_have_count(4)
        noticed(page, noticeable[1], "yes").check()
        page.locator("#send").click()
        expect(page.locator("h1")).to_have_text("Thank you!")
    assert told() == {(noticeable[1], True)}


# --- By keys ---------------------------------------------------------------------------------------------------------


def test_the_whole_answer_goes_by_keys_alone(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        while not page.evaluate("document.activeElement.matches('.skip input')"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        for digit in "12340":  # 0: cannot say
            page.keyboard.press(digit)
        page.keyboard.press("ArrowRight")  # within the scale, from 1 to 2
        page.keyboard.press("Enter")
        expect(page.locator(".missing input").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("textarea").first).to_be_focused()
        page.keyboard.type("Two")
        page.keyboard.press("Enter")
        page.keyboard.type("lines 5")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.keyboard.press("Space")  # no dealings with the second
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        for digit in "555554":
            page.keyboard.press(digit)
        expect(page.locator("#send")).to_be_focused()
        with read():
            assert stored() == {}  # Enter has sent nothing so far
        page.keyboard.press("Enter")
        expect_thanks(page)
    first, _, third = link.providers
    with read():
        assert stored() == {
            first: {"promises": 1, "diligence": 2, "flexibility": 3, "openness": 4, OVERALL: 2},
            third: dict.fromkeys(ITEMS, 5) | {OVERALL: 4},
        }
        assert written() == [(first, "thanks", "Two\nlines 5")]


def test_keys_of_the_browser_are_left_to_it(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        score(page, link.providers[0], "promises", 1).focus()
        for keys in ("Control+3", "Alt+3", "6", "x"):
            page.keyboard.press(keys)
        expect(page.locator(":checked:is(input)")).to_have_count(0)


def test_the_keys_are_told_where_there_are_keys(visit: Visit) -> None:
    with visit(size=DESK) as page:
        expect(page.locator(".keys")).to_be_visible()
    with visit(has_touch=True, is_mobile=True) as page:
        expect(page.locator(".keys")).to_be_hidden()


def test_faults_are_read_first_and_lead_to_the_field_on_its_page(visit: Visit, link: Link) -> None:
    with visit() as page:
        page.locator(".next").click()
        page.locator(".next").click()
        page.locator(".current textarea").fill("No kind")
        page.locator("#send").click()
        expect(page.locator(".faults")).to_be_focused()
        expect(page.locator(".place").filter(visible=True)).to_have_text("3 of 3")
        page.locator(".back").click()
        expect(page.locator(".place").filter(visible=True)).to_have_text("2 of 3")
        page.locator(".faults a").click()
        expect(page.locator(f"[name='p{link.providers[2]}-kind']").first).to_be_focused()
        page.locator(".current .kind label").first.click()
        expect(page.locator(".kind .fault")).to_have_count(0)
        page.locator("#send").click()
        expect_thanks(page)


def test_a_phone_does_not_leave_a_department_whose_comment_has_no_kind(visit: Visit, link: Link) -> None:
    with visit(has_touch=True) as page:
        place, fault = page.locator(".place").filter(visible=True), page.locator(".current .kind .fault")
        page.locator(".current textarea").fill("They never call back.")
        expect(fault).to_have_count(0)
        for _ in range(2):
            page.locator(".next").tap()
            expect(place).to_have_text("1 of 3")
            expect(fault).to_have_text(["Say whether this is thanks, a complaint or a suggestion."])
            expect(page.locator(f"[name='p{link.providers[0]}-kind']").first).to_be_focused()
        assert page.locator(".current .kind").get_attribute("aria-describedby") == fault.get_attribute("id")
        page.locator(".current .kind label").nth(1).tap()
        expect(fault).to_have_count(0)
        page.locator(".next").tap()
        expect(place).to_have_text("2 of 3")


def test_a_blank_comment_or_one_of_a_department_that_is_skipped_needs_no_kind(visit: Visit, link: Link) -> None:
    with visit() as page:
        place = page.locator(".place").filter(visible=True)
        page.locator(".current textarea").fill(" \n ")
        page.locator(".next").click()
        expect(place).to_have_text("2 of 3")
        page.locator(".current textarea").fill("They never call back.")
        page.locator(".current .skip").click()
        expect(place).to_have_text("3 of 3")
        page.locator(".back").click()
        page.locator(".next").click()
        expect(place).to_have_text("3 of 3")


# --- Without scripts -------------------------------------------------------------------------------------------------


def test_without_scripts_all_is_on_one_page_and_works(visit: Visit, link: Link) -> None:
    (archive,) = offer("Archive")
    with visit(java_script_enabled=False) as page:
        expect(page.locator(".provider").filter(visible=True)).to_have_count(3)
        for hidden in (".next", ".back", "progress", ".keys", ".kept"):
            expect(page.locator(hidden)).to_be_hidden()
        page.locator("textarea").first.fill("Thank you")
        page.locator("#add").select_option(label="Archive")
        page.locator("[name=adding]").click()
        score(page, archive, OVERALL, 5).check()
        score(page, link.providers[2], OVERALL, 3).check()
        page.locator("[name=switch]").click()
        expect(page.locator("html")).to_have_attribute("lang", "es")
        page.locator("#send").click()
        expect(page.locator(".faults li")).to_have_count(1)  # the comment's kind
        page.locator(".kind label").first.click()
        page.locator("#send").click()
        expect(page.locator("h1")).to_have_text("¡Gracias!")
    with read():
        assert stored() == {archive: {OVERALL: 5}, link.providers[2]: {OVERALL: 3}}
        assert written() == [(link.providers[0], "thanks", "Thank you")]


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_a_form_sends_nothing(visit: Visit, link: Link, scripts: bool) -> None:
    with visit(size=DESK, java_script_enabled=scripts) as page:
        for field in (score(page, link.providers[0], "promises", 3), page.locator(".skip input").first):
            field.check()
            field.press("Enter")
        page.wait_for_timeout(200)
        expect(page.locator("#answers")).to_be_visible()
    with read():
        assert stored() == {}


# --- The draft -------------------------------------------------------------------------------------------------------


def test_a_reload_loses_nothing_and_the_draft_leads_nobody_to_the_link(visit: Visit, link: Link) -> None:
    with visit() as page:
        expect(page.locator(".kept")).to_have_text(re.compile("on this device only"))
        score(page, link.providers[0], "promises", 2).check()
        page.locator(".next").click()
        page.locator(".current textarea").fill("Half a sent")
        score(page, link.providers[1], OVERALL, "na").check()
        kept = page.evaluate(DRAFT)
        assert not [part for part in link.token.split(".") if part in kept]
        page.reload()
        expect(page.locator(".place").filter(visible=True)).to_have_text("2 of 3")
        expect(page.locator(".current textarea")).to_have_value("Half a sent")
        expect(score(page, link.providers[1], OVERALL, "na")).to_be_checked()
        expect(score(page, link.providers[0], "promises", 2)).to_be_checked()


@pytest.mark.parametrize("end", ["closed", "cancelled", "received"])
def test_the_draft_goes_when_there_is_nothing_left_to_send(visit: Visit, link: Link, wave: Wave, end: str) -> None:
    with visit() as page:
        score(page, link.providers[0], OVERALL, 2).check()
        assert page.evaluate("localStorage.length") == 1
        with read():
            if end == "closed":
                waves.close_wave(wave, wave.closes_at)
            elif end == "cancelled":
                waves.cancel_wave(wave, wave.opens_at + 1)
            else:
                responses.accept(asked_by(link.token.split(".")[0]), [])
        page.reload()
        expect(page.locator("#answers")).to_have_count(0)
        page.wait_for_function("localStorage.length === 0")


def test_drafts_of_waves_that_are_over_are_swept_out(visit: Visit, link: Link) -> None:
    with visit() as page:
        page.evaluate("localStorage.setItem('espejo-draft-old', JSON.stringify({until: 1, place: 0, entries: []}))")
        page.evaluate("localStorage.setItem('anothers', 'stays')")
        page.reload()
        assert "espejo-draft-old" not in page.evaluate(DRAFT)
        assert "stays" in page.evaluate(DRAFT)


def test_a_draft_that_cannot_be_read_is_swept_out_and_keeps_no_other_one(visit: Visit, link: Link) -> None:
    with visit() as page:
        for name, kept in (("a", '{"entries": 7'), ("b", "null"), ("c", '{"until": 1}'), ("d", "7")):
            page.evaluate("([name, kept]) => localStorage.setItem(name, kept)", [f"espejo-draft-{name}", kept])
        page.evaluate("localStorage.setItem('espejo-draft-later', JSON.stringify({until: 1e10}))")
        page.reload()
        names = page.evaluate("Object.keys(localStorage)")
        assert [name for name in names if len(name) == len("espejo-draft-a")] == []
        assert "espejo-draft-later" in names


BROKEN = {
    "forbidden": "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})",
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
    "filled with what we did not write": "Storage.prototype.getItem = () => '{\"entries\": 7'",
}


@pytest.mark.parametrize("how", BROKEN)
def test_storage_that_fails_breaks_nothing(visit: Visit, link: Link, how: str) -> None:
    with visit(reduced_motion="reduce") as page:  # a click on what still moves may miss
        page.add_init_script(BROKEN[how])
        page.reload()
        if how != "filled with what we did not write":
            expect(page.locator(".kept")).to_be_hidden()  # nothing is promised
        score(page, link.providers[0], OVERALL, 5).check()
        for _ in range(2):
            page.locator(".next").click()
        page.locator("#send").click()
        expect(page.locator("h1")).to_have_text("Thank you!")
    with read():
        assert stored() == {link.providers[0]: {OVERALL: 5}}


# --- The first answer, from the mail ---------------------------------------------------------------------------------


def test_the_mails_answer_is_filled_in_and_the_page_begins_below_it(visit: Visit, link: Link) -> None:
    with visit("?overall=4", has_touch=True) as page:
        expect(score(page, link.providers[0], OVERALL, 4)).to_be_checked()
        expect(page.locator(".given")).to_contain_text("4 of 5")
        assert page.locator(".promises").first.evaluate(IN_VIEW)
        score(page, link.providers[0], OVERALL, 2).check()
        page.reload()  # the same address: what was chosen since then wins
        expect(score(page, link.providers[0], OVERALL, 2)).to_be_checked()
        expect(page.locator(".given")).to_have_count(0)


def test_the_mails_answer_fills_in_what_the_draft_leaves_open(visit: Visit, link: Link) -> None:
    with visit() as page:
        score(page, link.providers[0], "promises", 1).check()
        page.goto(page.url + "?overall=5")
        expect(score(page, link.providers[0], OVERALL, 5)).to_be_checked()
        expect(score(page, link.providers[0], "promises", 1)).to_be_checked()
        settle(page)
        assert page.locator(".diligence").first.evaluate(IN_VIEW)  # the first question still open


# --- Sending over a bad network --------------------------------------------------------------------------------------


def test_without_a_network_the_answers_wait_and_are_sent_when_it_is_back(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        fill_in(page, link)
        page.context.set_offline(True)
        page.locator("#send").click()
        expect(page.locator("[role=status]")).to_contain_text("There is no network")
        assert len(json.loads(page.evaluate(DRAFT))) == 1
        page.context.set_offline(False)
        expect_thanks(page)
    with read():
        assert stored() == dict.fromkeys(link.providers, FOURS)


@pytest.mark.parametrize("answer", [503, 502, 413, None])
def test_a_server_that_fails_loses_nothing(visit: Visit, link: Link, answer: int | None) -> None:
    with visit(size=DESK) as page:
        fill_in(page, link)

        def fail(route: Route) -> None:
            if route.request.method != "POST":
                route.continue_()
            elif answer is None:
                route.abort()
            else:
                route.fulfill(status=answer, body="<h1>Bad gateway</h1>", content_type="text/html")

        page.route("**/r/*", fail)
        page.locator("#send").click()
        expect(page.locator("[role=status]")).to_contain_text("That did not get through")
        page.unroute("**/r/*")
        page.locator("#send").click()
        expect_thanks(page)
    with read():
        assert stored() == dict.fromkeys(link.providers, FOURS)


def test_an_answer_whose_receipt_got_lost_is_stored_once_and_told_as_received(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        fill_in(page, link)

        def lose(route: Route) -> None:
            route.fetch()
            route.abort()

        page.route("**/r/*", lose, times=1)
        page.locator("#send").click()
        expect(page.locator("[role=status]")).to_contain_text("did not get through")
        page.locator("#send").click()
        expect(page.locator("h1")).to_have_text("Already received")
        expect(page.locator("main")).to_contain_text("all is well")
        assert page.evaluate("localStorage.length") == 0
    with read():
        assert stored() == dict.fromkeys(link.providers, FOURS)


def test_impatience_sends_once(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        fill_in(page, link)
        posts: list[str] = []
        page.on("request", lambda request: request.method == "POST" and posts.append(request.url))
        page.evaluate("for (let times = 0; times < 3; times++) document.getElementById('send').click()")
        expect_thanks(page)
        assert len(posts) == 1


def test_without_scripts_impatience_meets_no_error(visit: Visit, link: Link) -> None:
    with visit(java_script_enabled=False, size=DESK) as page:
        fill_in(page, link)
        page.locator("#send").dblclick()
        expect(page.locator("h1")).to_have_text(re.compile("Thank you!|Already received"))
    with read():
        assert stored() == dict.fromkeys(link.providers, FOURS)


def test_a_page_that_was_open_for_too_long_is_sent_all_the_same(visit: Visit, link: Link, site: str) -> None:
    with visit(size=DESK) as page:
        page.context.new_page().goto(f"{site}/login")  # begins a session, of which the open page has no key
        page.bring_to_front()  # in the background each tap would wait a second for its frame
        fill_in(page, link)
        page.locator("#send").click()
        expect_thanks(page)


def test_switching_the_language_keeps_text_place_and_department(visit: Visit, link: Link) -> None:
    with visit() as page:
        page.locator(".next").click()
        page.locator(".current textarea").fill("Bien hecho")
        page.locator("[name=switch]").click()
        expect(page.locator("html")).to_have_attribute("lang", "es")
        expect(page.locator(".place").filter(visible=True)).to_have_text("2 de 3")
        expect(page.locator(".current textarea")).to_have_value("Bien hecho")
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "es")
        expect(page.locator(".current textarea")).to_have_value("Bien hecho")


# --- Its size --------------------------------------------------------------------------------------------------------


def test_the_page_is_light(visit: Visit, site: str, link: Link) -> None:
    """At most 60 KB and 4 requests, uncompressed, as our server sends it; and how long that takes on slow 3G."""
    with visit(has_touch=True) as page:
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
        wire.send("Network.emulateNetworkConditions", slow)
        address, own, sizes = f"{site}{link.address}?lang=en", set(), []
        # The first visit's icon may still be on its way; it counts for another page.
        wire.on("Network.requestWillBeSent", lambda told: told["documentURL"] == address and own.add(told["requestId"]))
        wire.on(
            "Network.loadingFinished",
            lambda told: told["requestId"] in own and sizes.append(told["encodedDataLength"]),
        )
        page.goto(address, wait_until="load")
        page.wait_for_timeout(500)
        begun = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
        usable = begun["domContentLoadedEventEnd"] - begun["responseStart"]
        print(
            f"\n{len(sizes)} requests, {sum(sizes):.0f} bytes, usable {usable:.0f} ms after the first byte on slow 3G"
        )
        assert len(sizes) <= 4
        assert sum(sizes) < 60_000


@pytest.mark.parametrize("size", [PHONE, DESK, {"width": 320, "height": 480}], ids=str)
def test_nothing_is_wider_than_the_screen(visit: Visit, link: Link, size: dict[str, int]) -> None:
    offer(*(f"Department {number} of a name that is {'very ' * 10}long" for number in range(12)), "x" * 200)
    with read():
        Department.update(name="Ñ" * 200).where(Department.id == link.providers[0]).execute()
        Department.update(name="\u202eשירות לקוחות " * 9).where(Department.id == link.providers[1]).execute()
    with visit("?overall=2", size=size) as page:
        for text in ("", "wider "):
            page.evaluate(
                "text => document.querySelectorAll('legend, button:not([hidden]), p, label > span')"
                ".forEach(part => part.append(text))",
                text,
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
