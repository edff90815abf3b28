"""The demo's conversations: complaints that departments answer sooner or later, and a writer who answers back."""

import random
from collections.abc import Iterable

from survey import people, receipts, releases
from survey.models import Wave
from survey.receipts import Published

REPLY = "Tienes razón, y lo sentimos. ¿Nos cuentas un poco más, para que no vuelva a pasar?"
ANSWER = "Gracias por contestar. Pasa sobre todo a final de mes, cuando no hay nadie a quien preguntar."
THANKS = "Gracias por decirlo. Lo hemos hablado en el equipo y te contamos aquí qué cambia."
DAY_SECONDS = 24 * 3600
REPLIED_AFTER_SECONDS = 4 * DAY_SECONDS  # of the wave's closing

PROMPT = range(1, 6)  # days until the reply
SLOW_TEAMS = ("Ventas", "Informática", "Compras")
SLOW = range(3, 25)
SHARE, SLOW_SHARE = 0.95, 0.6  # of the complaints that have a reply at all


def fill(wave: Wave, codes: Iterable[str]) -> None:
    """Let a lead reply to the first published complaint that has one of these receipts, and its writer answer."""
    departments = [department.id for department in people.departments()]
    for held in filter(None, map(receipts.held, codes)):
        if held.kind == "complaint" and held.comment_id and (found := receipts.published(held.comment_id, departments)):
            receipts.reply(found, REPLY, wave.closed_at + REPLIED_AFTER_SECONDS)
            receipts.write_back(held, ANSWER)
            return


def answer(wave: Wave, now: int) -> None:
    """Let the leads reply to the other complaints of a wave until `now`: most soon, some late, some not at all."""
    names = {department.id: department.name for department in people.departments()}
    said = releases.comments(wave, names)
    threads = receipts.threads(comment for found in said.values() for comment in found)
    for provider, comments in said.items():
        days, share = (SLOW, SLOW_SHARE) if names[provider] in SLOW_TEAMS else (PROMPT, SHARE)
        for comment in sorted(comments, key=lambda comment: comment.text):
            thread = threads.get(comment.id)
            chance = random.Random(f"{wave.occurrence} {provider} {comment.text}")  # noqa: S311 - the same every time
            moment = wave.closed_at + chance.choice(days) * DAY_SECONDS
            is_answered = chance.random() < share and moment <= now
            if comment.kind == "complaint" and thread and not thread.messages and is_answered:
                receipts.reply(Published(wave, comment, thread), THANKS, moment)
