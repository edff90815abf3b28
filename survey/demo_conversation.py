"""The demo's one conversation: a complaint, the department's reply, and what the writer answers without a name."""

from collections.abc import Iterable

from survey import people, receipts
from survey.models import Wave

REPLY = "Tienes razón, y lo sentimos. ¿Nos cuentas un poco más, para que no vuelva a pasar?"
ANSWER = "Gracias por contestar. Pasa sobre todo a final de mes, cuando no hay nadie a quien preguntar."
REPLIED_AFTER_SECONDS = 4 * 24 * 3600  # of the wave's closing


def fill(wave: Wave, codes: Iterable[str]) -> None:
    """Let a lead reply to the first published complaint that has one of these receipts, and its writer answer."""
    departments = [department.id for department in people.departments()]
    for held in filter(None, map(receipts.held, codes)):
        if held.kind == "complaint" and held.comment_id and (found := receipts.published(held.comment_id, departments)):
            receipts.reply(found, REPLY, wave.closed_at + REPLIED_AFTER_SECONDS)
            receipts.write_back(held, ANSWER)
            return
