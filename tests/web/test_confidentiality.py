"""The page on who can learn what: each of its sentences is proved by a test, or a matter of trust."""

import re
from html import unescape
from pathlib import Path

TRUST = ()  # nothing here can prove it

# Each sentence of the page, and the tests that prove it.
PROVED = {
    "Your answers are confidential.": (
        "test_nobody_can_be_singled_out_in_a_random_company",
        "test_nobody_can_be_singled_out_in_forty_companies",
    ),
    "That is more than a promise: most of it is how Espejo is built.": TRUST,
    "Here is who could find out what.": TRUST,
    "Nothing about you: neither whether you answered nor what you said.": (
        "test_a_stranger_is_sent_to_the_sign_in_page",
        "test_charlie_is_refused_everywhere",
    ),
    "Figures about groups of at least 5 people, and comments without a name when ten or more people rated the "
    "department.": (
        "test_nothing_published_is_about_fewer_than_k_people",
        "test_comments_show_from_ten_raters_on",
        "test_a_comment_has_no_group_no_score_and_no_time",
    ),
    "Not who answered.": (
        "test_the_page_tells_neither_who_answered_nor_when",
        "test_a_lead_is_refused_on_every_page_of_hr",
    ),
    "The same figures and the same comments, without a name, about all departments, and how many of each department "
    "(never of fewer than 5 people) have answered.": (
        "test_the_matrix_shows_each_released_cell",
        "test_hr_reads_the_comment_but_not_the_conversation",
        "test_an_open_wave_shows_participation_and_nothing_else",
        "test_participation_is_told_by_groups_while_a_wave_is_open",
    ),
    "Not who said what.": (
        "test_a_comment_has_no_group_no_score_and_no_time",
        "test_only_the_gate_reads_what_people_said",
        "test_the_list_of_mail_tells_hr_nobody_who_has_answered_or_has_not",
        "test_nothing_shows_what_became_of_one_reminder",
    ),
    "HR also says who works where and whom to ask.": TRUST,
    "Whoever misused that, with colleagues who do not exist, could work out what you said: "
    "that is a matter of trust.": TRUST,
    "Your own lead sees what all of you expected together, when at least 5 have said it.": (
        "test_after_the_wave_a_lead_sees_three_mirrors",
        "test_fewer_than_k_views_are_not_kept",
        "test_four_members_are_shown_nowhere",
    ),
    "What a lead expects is seen by nobody else.": (
        "test_nobody_else_reads_a_leads_view",
        "test_hr_and_other_leads_see_nothing_of_it",
    ),
    "What a lead says hinders the department is read by HR too; the question says so.": (
        "test_hr_reads_the_reasons_of_all_leads_and_not_whose_they_are",
        "test_a_lead_says_what_hinders_and_is_told_first_who_reads_it",
    ),
    "That is stored without your name and without your department.": (
        "test_an_answer_names_nobody_and_no_department",
        "test_who_has_noticed_what_is_asked_of_its_clients_alone",
    ),
    "When the wave closes one sum is told, of all the departments that were asked together, and only when at least 5 "
    "people have said it.": (
        "test_one_sum_is_told_of_all_that_were_asked_and_none_of_each",
        "test_fewer_than_k_answers_are_not_kept",
        "test_two_sums_about_one_provider_never_hold_the_same_people",
        "test_no_page_tells_of_fewer_than_k_who_noticed_or_of_what_members_expect",
    ),
    "If you take a code with a complaint or a suggestion, whoever has it can read that comment and the department's "
    "replies, and write back.": (
        "test_the_link_shows_the_comment_and_what_the_department_replied",
        "test_the_writer_writes_back_without_a_session",
    ),
    "What you write back is read by those who lead the department, and not by HR.": (
        "test_the_lead_reads_what_the_writer_added_and_that_it_is_new",
        "test_hr_reads_the_comment_but_not_the_conversation",
        "test_no_other_lead_reads_or_replies",
    ),
    "HR sees how many complaints have a code and how many days a department took to reply, never when you wrote.": (
        "test_hr_sees_how_soon_a_department_replied_and_nothing_of_what_was_said",
        "test_what_a_writer_adds_is_never_timed",
    ),
    "The server keeps only a hash of the code, and a code leads to one comment and to no other.": (
        "test_only_the_hash_of_a_code_is_kept",
        "test_a_code_leads_to_its_own_comment_and_to_no_other",
    ),
    "Who was asked and whether they have answered.": (
        "test_no_answer_has_a_column_for_a_person_an_invitation_a_response_or_a_time",
        "test_accepting_sets_one_flag_adds_a_row_for_each_provider_and_touches_nothing_else",
    ),
    "Until the wave closes, also each answer without a name: which client group it comes from, which department it "
    "is about and whether that one was added, but not which answers come from one person.": (
        "test_what_is_said_of_an_added_department_is_marked",
        "test_a_stored_rating_is_id_wave_provider_group_and_scores",
        "test_nothing_that_is_stored_holds_an_id_of_the_invitation_or_of_each_other",
        "test_while_a_wave_is_open_no_query_puts_what_one_person_said_side_by_side",
    ),
    "Whoever reads the database's own traces at that time could join an answer to a person.": (
        "test_while_a_wave_is_open_sqlites_log_joins_answers_with_invitations",
        "test_while_a_wave_is_open_postgresql_keeps_the_order_of_arrival",
    ),
    "When the wave closes the answers are counted and deleted and the files rewritten; what is left are the numbers of "
    "groups, and comments that nothing joins to a person, neither a time nor an order nor a link.": (
        "test_ratings_are_deleted",
        "test_the_files_hold_no_bytes_of_a_rating_nor_of_a_dropped_comment",
        "test_no_order_of_a_closed_wave_on_sqlite_is_the_order_of_arrival",
        "test_no_order_of_a_closed_wave_on_postgresql_is_the_order_of_arrival",
        "test_after_closing_one_transaction_has_written_all_that_is_left",
        "test_no_log_names_a_visitor_an_address_or_a_token",
    ),
    "They also see which comments have a private code.": ("test_only_the_hash_of_a_code_is_kept",),
    "Whoever runs it could change the program, or watch the network.": TRUST,
    "That is a matter of trust, as with every service inside a company.": TRUST,
    "Reminders go only to those who have not answered.": (
        "test_a_reminder_goes_to_those_who_have_not_answered",
        "test_who_has_answered_gets_neither_invitation_nor_reminder",
    ),
    "To know that, Espejo keeps one yes or no for each invitation, and which mails it has sent.": (
        "test_accepting_sets_one_flag_adds_a_row_for_each_provider_and_touches_nothing_else",
    ),
    "90 days after the wave has closed it forgets who was asked.": (
        "test_people_are_forgotten_when_the_days_are_over",
        "test_a_forgotten_invitation_keeps_nothing_but_its_wave_its_group_and_whether_it_was_answered",
    ),
}


def sentences(page: str) -> list[str]:
    """What the page on confidentiality says, a sentence at a time; its headings are no sentences."""
    told = re.findall(r"<(?:p|dd)>(.*?)</(?:p|dd)>", page.split("<main>")[1], re.DOTALL)
    return [sentence for text in told for sentence in re.split(r"(?<=[.!?]) ", unescape(text).strip())]


def test_every_sentence_of_who_can_learn_what_is_proved_or_a_matter_of_trust(client):
    assert sentences(client.get("/confidentiality?lang=en").text) == list(PROVED)


def test_the_page_says_the_same_in_both_languages(client):
    english, spanish = (client.get(f"/confidentiality?lang={code}").text for code in ("en", "es"))
    assert len(sentences(english)) == len(sentences(spanish))


def test_the_tests_that_prove_it_are_there():
    folder = Path(__file__).parent.parent
    there = {
        name for path in folder.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    assert {name for names in PROVED.values() for name in names} - there == set()


def test_who_can_learn_what_is_open_to_all_and_names_the_settings_limit(client, settings):
    page = client.get("/confidentiality?lang=en")
    assert page.status_code == 200
    assert f"at least {settings.smallest_group} people" in page.text
