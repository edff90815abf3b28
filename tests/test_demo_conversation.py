"""The demo's conversation is begun below a complaint that can be read, and nowhere else."""

from survey import demo_conversation, receipts
from survey.demo_conversation import ANSWER, DAY_SECONDS, PROMPT, REPLY, THANKS
from survey.models import Reply
from tests.test_receipts import CODE, OTHER, held
from tests.test_receipts import released as released  # a fixture
from tests.test_receipts import running as running


def test_a_lead_replies_to_the_complaint_and_its_writer_answers_once(released):
    demo_conversation.fill(released.wave, [OTHER, CODE, CODE])
    assert [(message.by_client, message.text) for message in held().thread.messages] == [(False, REPLY), (True, ANSWER)]


def test_without_a_complaint_that_can_be_read_nobody_writes(running):
    demo_conversation.fill(running, [CODE, receipts.new_code()])
    assert not Reply.select().exists()


def test_the_other_complaints_have_a_reply_by_their_day_and_once(released):
    early, late = (released.wave.closed_at + days * DAY_SECONDS for days in (PROMPT[0] - 1, PROMPT[-1]))
    demo_conversation.answer(released.wave, early)
    assert held().thread.messages == ()
    for _ in range(2):
        demo_conversation.answer(released.wave, late)
    assert [message.text for message in held().thread.messages] == [THANKS]
