"""Files of people on their way in: kept for an hour between the preview and the import, for whoever uploaded them."""

import zlib
from typing import IO

from survey import people, roster
from survey.models import Person, RosterFile, database
from survey.roster import Plan
from survey.sheets import Faults
from survey.uploads import as_csv, as_file, plain_name

KEPT_SECONDS = 3600
MOST_BYTES = 20_000_000  # of a file; one of 100,000 people has about 8 MB


def keep(person: Person, file: IO[bytes], file_name: str, complete: bool, language: str, now: int) -> RosterFile:
    """Keep a file that can be imported, in place of the one that this person uploaded before.

    Raises ImportRefused when it has a fault; then nothing is kept.
    """
    name = plain_name(file_name)
    content = as_csv(file, Faults(name))
    _plan(content, name, complete, language, person)
    forget_due(now)
    RosterFile.delete().where(RosterFile.person == person).execute()
    return RosterFile.create(
        person=person,
        file_name=name,
        content=zlib.compress(content),
        complete=complete,
        kept_until=now + KEPT_SECONDS,
    )


def find(upload_id: str, person: Person, now: int) -> RosterFile | None:
    """The file, for the person who uploaded it."""
    mine = (RosterFile.id == upload_id) & (RosterFile.person == person)
    return RosterFile.get_or_none(mine, RosterFile.kept_until > now)


def preview(kept: RosterFile, language: str) -> Plan:
    """What importing it now would change. Raises ImportRefused when that cannot be any more."""
    return _plan(zlib.decompress(bytes(kept.content)), kept.file_name, kept.complete, language, kept.person)


def import_seen(kept: RosterFile, language: str, seen: str) -> Plan | None:
    """Import the file and forget it; None when it would change something else than the plan whose digest is `seen`, or
    when whoever uploaded it has left HR since.

    Raises ImportRefused.
    """
    with database.atomic():
        people.hold([kept.person_id])  # one import at a time each
        if not people.works_for_hr(kept.person_id):
            return None
        found = preview(kept, language)
        if found.digest != seen:
            return None
        roster.carry_out(found)
        RosterFile.delete().where(RosterFile.id == kept.id).execute()
    return found


def forget_due(now: int) -> int:
    """Forget the files that nobody imported within an hour; how many they were."""
    return RosterFile.delete().where(RosterFile.kept_until <= now).execute()


def _plan(content: bytes, name: str, complete: bool, language: str, by: Person) -> Plan:
    with as_file(name, content) as path:
        read = roster.read_roster(path)
    return roster.plan(read, language, complete=complete, by=by)
