"""Files on their way in: kept in the database between upload and import, so that every web process can see them."""

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from survey import kept_mappings
from survey.guesses import guess
from survey.models import Person, Upload
from survey.profiles import Profile, profile_of
from survey.sheets import Faults
from survey.workbooks import is_workbook, to_csv

KEPT_SECONDS = 24 * 3600
MOST_BYTES = 50_000_000  # of a file
LONGEST_NAME = 200  # bytes of a file's name, which file systems limit


def keep(person: Person, file: BinaryIO, file_name: str, now: int) -> Upload:
    """Keep a file for a day, with a first guess at how to read it. Raises ImportRefused when it cannot be read."""
    forget_due(now)
    name = plain_name(file_name)
    faults = Faults(name)
    content = to_csv(file, faults) if is_workbook(_start(file)) else file.read()
    with _as_file(name, content) as path:
        profile = profile_of(path, faults)
    return Upload.create(
        person=person,
        file_name=name,
        content=zlib.compress(content),
        profile=profile.to_json(),
        mapping=json.dumps(_kept(profile) or guess(profile, name)),
        kept_until=now + KEPT_SECONDS,
    )


def _kept(profile: Profile) -> dict[str, Any] | None:
    """The mapping kept with a file of the same header, without the days that the other file was about."""
    mapping = kept_mappings.made_for(profile.names)
    return (
        {key: value for key, value in kept_mappings.table_of(mapping).items() if key != "period"} if mapping else None
    )


def _start(file: BinaryIO) -> bytes:
    start = file.read(4)
    file.seek(0)
    return start


def plain_name(file_name: str) -> str:
    """The last part of a path, in characters that can be shown, and ending in something."""
    last = PureWindowsPath(PurePath(file_name).name).name
    shown = "".join(sign for sign in last if sign.isprintable()).encode()[-LONGEST_NAME:].decode(errors="ignore")
    return shown.strip(" .") or "scores"


def find(upload_id: str, person: Person, now: int) -> Upload | None:
    """The upload, for the person who made it; without its content, which `opened` reads."""
    light = (Upload.id, Upload.person, Upload.file_name, Upload.profile, Upload.mapping, Upload.kept_until)
    return Upload.select(*light).where(Upload.id == upload_id, Upload.person == person, Upload.kept_until > now).first()


def of(person: Person, now: int) -> list[Upload]:
    """The files that a person has not imported yet, the latest first."""
    query = Upload.select(Upload.id, Upload.file_name, Upload.kept_until)
    return list(query.where(Upload.person == person, Upload.kept_until > now).order_by(Upload.kept_until.desc()))


def profile(upload: Upload) -> Profile:
    return Profile.from_json(upload.profile)


def mapping(upload: Upload) -> dict[str, Any]:
    """How the file is to be read, as far as that is chosen: a mapping's table, maybe not whole yet."""
    return json.loads(upload.mapping)


def choose(upload: Upload, values: dict[str, Any]) -> None:
    """Remember how the file is to be read."""
    Upload.update(mapping=json.dumps(values)).where(Upload.id == upload.id).execute()


@contextmanager
def opened(upload: Upload) -> Iterator[Path]:
    """The file under its own name, as long as it is looked at."""
    (content,) = Upload.select(Upload.content).where(Upload.id == upload.id).tuples().first()
    with _as_file(upload.file_name, zlib.decompress(bytes(content))) as path:
        yield path


@contextmanager
def _as_file(name: str, content: bytes) -> Iterator[Path]:
    with TemporaryDirectory(prefix="espejo-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield path


def forget(upload: Upload) -> None:
    Upload.delete().where(Upload.id == upload.id).execute()


def forget_due(now: int) -> int:
    """Forget the files that nobody imported within a day; how many they were."""
    return Upload.delete().where(Upload.kept_until <= now).execute()
