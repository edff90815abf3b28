"""Complaints that can be answered, and the moments at which departments do so."""

from datetime import datetime
from zoneinfo import ZoneInfo

from survey import receipts
from survey.measure.cadence import instant
from survey.models import Comment, Wave
from survey.receipts import digest, new_code
from survey.responses import Answer
from tests.cast import Company

MADRID = ZoneInfo("Europe/Madrid")
RELEASED = "2026-03-16"  # the cast's first wave closes on this Monday, at 18:00


def at(text: str, zone: ZoneInfo = MADRID) -> int:
    """The instant of a wall time: "2026-03-23 09:00"."""
    return instant(datetime.fromisoformat(text), zone)


def complained(company: Company, *, with_receipt: bool = True, raters: int = 10, **complaints: int) -> Wave:
    """A released wave with so many complaints about each of these departments."""
    left = {company.departments[name].id: number for name, number in complaints.items()}

    def about(provider: int) -> Answer:
        if not left.get(provider):
            return Answer(provider, {"overall": 4})
        left[provider] -= 1
        receipt = digest(new_code()) if with_receipt else None
        return Answer(provider, {"overall": 2}, None, f"Number {left[provider]}", "complaint", receipt)

    def play() -> Wave:
        company.ask_only_about(*complaints)
        wave = company.open_wave()
        company.rate(wave, "Sales", raters, about)
        return company.close_wave(wave)

    return company.once(("complained", with_receipt, raters, *complaints.items()), play)


def reply(company: Company, wave: Wave, name: str, *moments: str) -> None:
    """Let a department reply at each of these moments, below one complaint after the other that has no reply yet."""
    provider = company.departments[name].id
    query = Comment.select(Comment.id).where(Comment.wave == wave, Comment.provider == provider)
    found = [receipts.published(comment, [provider]) for (comment,) in query.order_by(Comment.text).tuples()]
    silent = [one for one in found if one and one.thread and not one.thread.messages]
    for one, moment in zip(silent, moments, strict=False):
        receipts.reply(one, "We are sorry", at(moment))
