"""The order attack: a thousand people answer in an order that we know, and we look for it in whatever a database keeps.

Everybody says who they are: the six scores are the digits (base 5) of the place in which they answered, and a comment
gives it in words. So each rating, comment and receipt can be traced here, as it never can outside.
"""

import json
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from survey import models, receipts, responses
from survey.database import open_database
from survey.measure.scale import ITEMS
from survey.models import Comment, Invitation, Person, Rating, Receipt, Reply, Wave, database
from survey.responses import Answer
from survey.settings import Settings
from tests.cast import Company, asked_by
from tests.engines import fresh_database, settings_in

PEOPLE = 1000
MOST = 0.1  # rank correlation with the order of arrival
CHANCE = 10  # neighbours that belong together: about two by chance, of 1,000 people

Places = dict[str, int]  # {id of a row: the place in which its writer answered}
Orders = dict[str, list[str]]  # {what was looked at: the ids in the order found there}


def scores_of(place: int) -> dict[str, int]:
    return {item: place // 5**power % 5 + 1 for power, item in enumerate(ITEMS)}


def place_of(scores: dict[str, int]) -> int:
    return sum((scores[item] - 1) * 5**power for power, item in enumerate(ITEMS))


def everybody_answers(company: Company, people: int = PEOPLE) -> tuple[Wave, Places]:
    """A wave of so many people, each answering in a transaction of its own; {invitation: place of arrival}."""
    names = list(company.departments)
    Person.insert_many(
        [company._values(f"more{number}", names[number % len(names)]) for number in range(people - 59)]
    ).execute()
    wave = company.open_wave()
    arrivals = [found.id for found in Invitation.select().order_by(Invitation.person)]
    random.Random(1).shuffle(arrivals)
    for place, key in enumerate(arrivals):
        asked = [int(provider) for provider in Invitation.get_by_id(key).providers.split()]
        said = f"Number {place:04}"
        responses.accept(asked_by(key), [complaint(place, provider, said) for provider in asked])
    assert len(arrivals) == people
    return wave, {key: place for place, key in enumerate(arrivals)}


def complaint(place: int, provider: int, said: str) -> Answer:
    receipt = receipts.digest(f"{place} {provider}")
    return Answer(provider, scores_of(place), None, said, "complaint", receipt)


def writers_write_back(company: Company) -> Places:
    """A thousand writers add to their published comments, one after the other; {reply: place}."""
    wave, finance = company.released_wave(), company.departments["Finance"]
    keys = [models.random_id() for _ in range(PEOPLE)]
    comments = [{"id": key, "wave": wave, "provider": finance, "kind": "complaint", "text": ""} for key in keys]
    given = [{"digest": receipts.digest(key), "wave": wave, "comment": key} for key in keys]
    for table, rows in ((Comment, comments), (Receipt, given)):
        table.insert_many(rows).execute()
    for place, key in enumerate(keys):
        found = receipts.held(key)
        assert found
        receipts.write_back(found, f"Number {place:04}")
    return {reply.id: int(reply.text.split()[1]) for reply in Reply.select()}


def ratings() -> Places:
    """The place of arrival behind each rating of an open wave."""
    return {rating.id: place_of(json.loads(rating.answers)) for rating in Rating.select()}


def places_of(invitations: Places) -> dict[str, Places]:
    """The place of arrival behind each row that is left once the wave has closed."""
    return {
        "invitation": invitations,
        "comment": {comment.id: int(comment.text.split()[1]) for comment in Comment.select()},
        "receipt": {
            found.digest: int(found.comment.text.split()[1]) for found in Receipt.select(Receipt, Comment).join(Comment)
        },
    }


def key_of(table: str) -> str:
    """The column that a table's rows are known by."""
    return "digest" if table == "receipt" else "id"


def correlation(found: list[str], places: Places) -> float:
    """Spearman's rank correlation of an order with the order of arrival."""
    assert set(found) == set(places)
    return abs(spearmanr(range(len(found)), [places[key] for key in found]).statistic)


def alike(found: list[str], places: Places) -> int:
    """Neighbours that one and the same person wrote."""
    return sum(places[first] == places[second] for first, second in pairwise(found))


@pytest.fixture
def same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are drawn from a seed, so that what chance gives is the same whenever this runs."""
    chance = random.Random(7)
    monkeypatch.setattr(models.secrets, "token_hex", lambda size: f"{chance.getrandbits(8 * size):0{2 * size}x}")


# --- SQLite --------------------------------------------------------------------------------------------------------


def sqlite_orders(path: Path, table: str, places: Places) -> Orders:
    """Every order in which a SQLite file has the rows of a table: as selected, by row number, and byte by byte."""
    key = key_of(table)
    with closing(sqlite3.connect(path)) as raw:
        found = {"as selected": ids(raw, f'SELECT {key} FROM "{table}"')}
        indexes = [name for _, name, *_ in raw.execute(f'PRAGMA index_list("{table}")')]
        for name in indexes:
            columns = [f'"{column}"' for _, _, column in raw.execute(f'PRAGMA index_info("{name}")')]
            order = ", ".join(columns)
            query = f'SELECT {key} FROM "{table}" INDEXED BY "{name}" {held_by(raw, name)} ORDER BY {order}'
            found[f"index {name}"] = ids(raw, query)
        if "WITHOUT ROWID" not in raw.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]:
            found["row number"] = ids(raw, f'SELECT {key} FROM "{table}" ORDER BY rowid')
        ((size,),) = raw.execute("PRAGMA page_size")
        pages = {
            name: [page for (page,) in raw.execute("SELECT pageno FROM dbstat WHERE name = ?", (name,))]
            for name in [table, *indexes]
        }
    stored = path.read_bytes()
    for name, numbers in pages.items():
        at = {}
        for number in numbers:
            for row, offset in keys_in(stored[(number - 1) * size : number * size], places):
                at[row] = (number, offset)
        if set(at) == set(places):
            found[f"bytes of {name}"] = sorted(at, key=lambda row: at[row])
            found[f"offset in the page of {name}"] = sorted(at, key=lambda row: at[row][1])
    return found


def held_by(raw: sqlite3.Connection, index: str) -> str:
    """The condition for rows to stand in an index that does not hold all; empty when it does."""
    found = raw.execute("SELECT sql FROM sqlite_master WHERE name = ? AND sql IS NOT NULL", (index,)).fetchall()
    _, where, condition = "".join(sql for (sql,) in found).partition(" WHERE ")  # a table's own index has no SQL
    return where + condition


def ids(raw: sqlite3.Connection, query: str) -> list[str]:
    return [key for (key,) in raw.execute(query)]


def keys_in(page: bytes, places: Places) -> Iterator[tuple[str, int]]:
    for key in places:
        if (offset := page.find(key.encode())) >= 0:
            yield key, offset


@pytest.mark.early
@pytest.mark.sqlite
@pytest.mark.slow
def test_no_order_of_a_closed_wave_on_sqlite_is_the_order_of_arrival(
    company: Company, settings: Settings, same_chance: None, capsys: pytest.CaptureFixture[str]
) -> None:
    database.execute_sql("PRAGMA synchronous = off")  # nobody pulls the plug here
    wave, invitations = everybody_answers(company)
    before = {found.id for found in Rating.select(Rating.id)}
    company.close_wave(wave)
    tables = places_of(invitations)
    database.close()
    found = {}
    for table, places in tables.items():
        for name, order in sqlite_orders(settings.home_folder / "espejo.sqlite3", table, places).items():
            found[f"{table}: {name}"] = correlation(order, places)
            assert alike(order, places) <= CHANCE, name
    tell(capsys, "SQLite, closed", found)
    assert len(found) >= 20
    assert max(found.values()) < MOST
    numbers = sorted(int(key, 16) for keys in (before, *tables.values()) for key in keys)
    assert len(numbers) == 10 * PEOPLE
    assert min(second - first for first, second in pairwise(numbers)) > 2**64


@pytest.mark.sqlite
@pytest.mark.slow
def test_no_order_on_sqlite_tells_who_wrote_back_after_whom(
    company: Company, settings: Settings, same_chance: None, capsys: pytest.CaptureFixture[str]
) -> None:
    database.execute_sql("PRAGMA synchronous = off")
    places = writers_write_back(company)
    company.close_wave(company.open_wave())
    database.close()
    orders = sqlite_orders(settings.home_folder / "espejo.sqlite3", "reply", places)
    found = {name: correlation(order, places) for name, order in orders.items()}
    tell(capsys, "SQLite, replies", found)
    assert len(found) >= 5
    assert max(found.values()) < MOST


@pytest.mark.sqlite
@pytest.mark.slow
def test_while_a_wave_is_open_no_query_puts_what_one_person_said_side_by_side(
    company: Company, settings: Settings, same_chance: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files keep more for as long as the wave is open; that is told below, and in README."""
    database.execute_sql("PRAGMA synchronous = off")
    _, invitations = everybody_answers(company)
    tables = {"rating": ratings(), **places_of(invitations)}
    del tables["invitation"]  # these were written before anybody came
    found = {}
    for table, places in tables.items():
        for name, order in sqlite_orders(settings.home_folder / "espejo.sqlite3", table, places).items():
            if name.startswith(("as selected", "index")):
                found[f"{table}: {name}"] = correlation(order, places)
                assert alike(order, places) <= 3 * CHANCE, name  # those of one client group may stand together
    tell(capsys, "SQLite, open", found)
    assert len(found) >= 10
    assert max(found.values()) < MOST


@pytest.mark.sqlite
def test_the_attack_sees_the_order_of_a_plain_table(
    settings: Settings, same_chance: None, capsys: pytest.CaptureFixture[str]
) -> None:
    invitations = {models.random_id(): place for place in range(PEOPLE)}
    database.execute_sql("PRAGMA synchronous = off")
    database.execute_sql("VACUUM")  # so that its pages follow each other, and none is one that a migration freed
    database.execute_sql("CREATE TABLE plain (id TEXT NOT NULL)")
    for key in invitations:
        database.execute_sql("INSERT INTO plain VALUES (?)", (key,))
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    orders = sqlite_orders(settings.home_folder / "espejo.sqlite3", "plain", invitations)
    found = {name: correlation(order, invitations) for name, order in orders.items()}
    tell(capsys, "SQLite, a plain table", found)
    assert found["as selected"] == found["row number"] == pytest.approx(1)
    assert found["bytes of plain"] > 0.9


@pytest.mark.sqlite
@pytest.mark.slow
def test_while_a_wave_is_open_sqlites_log_joins_answers_with_invitations(
    company: Company, settings: Settings, same_chance: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """What README says of a copy made before the wave closes. The log wraps at times; not before we copy it."""
    database.execute_sql("PRAGMA wal_autocheckpoint = 0")
    _, invitations = everybody_answers(company, 150)
    written = ratings()
    file, log = (settings.home_folder / f"espejo.sqlite3{end}" for end in ("", "-wal"))
    seen = set(keys_of(file.read_bytes()))
    done = {key for key, is_answered in flags_in(file.read_bytes()) if is_answered}
    joined = []
    for commit in commits(log.read_bytes()):
        pages = b"".join(commit)
        new = written.keys() & set(keys_of(pages)) - seen
        turned = {key for key, is_answered in flags_in(pages) if is_answered and key in invitations} - done
        seen |= new
        done |= turned
        joined += [(written[one], invitations[other]) for one in new for other in turned]
    with capsys.disabled():
        print(f"\nSQLite, open: the log joins {len(joined)} of {len(written)} ratings with their invitations")
    assert len(joined) > 0.9 * len(written)
    assert all(one == other for one, other in joined)


def commits(log: bytes) -> Iterator[list[bytes]]:
    """The pages of each transaction in a write-ahead log (sqlite.org/walformat.html)."""
    size = int.from_bytes(log[8:12], "big")
    pages: list[bytes] = []
    for start in range(32, len(log) - 24 - size + 1, 24 + size):
        if log[start + 8 : start + 16] != log[16:24]:  # the salts of an earlier round
            return
        pages.append(log[start + 24 : start + 24 + size])
        if int.from_bytes(log[start + 4 : start + 8], "big"):
            yield pages
            pages = []


def keys_of(stored: bytes) -> list[str]:
    return [key.decode() for key in re.findall(rb"(?=([0-9a-f]{32}))", stored)]


def flags_in(stored: bytes) -> list[tuple[str, bool]]:
    """(invitation, answered): a row begins with the types of its columns; type 8 of the last one is a 0, type 9 a 1."""
    return [(key.decode(), flag == b"\t") for flag, key in re.findall(rb"([\x08\t])([0-9a-f]{32})", stored)]


def tell(capsys: pytest.CaptureFixture[str], title: str, found: dict[str, float]) -> None:
    with capsys.disabled():
        print(f"\n{title}: {len(found)} orders, the largest rank correlation with arrival {max(found.values()):.3f}")


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres(server: str, tmp_path: Path) -> Iterator[Company]:
    with fresh_database(server) as address:
        open_database(settings_in(tmp_path, database_url=address))
        database.execute_sql("SET synchronous_commit = off")
        with database.atomic():
            company = Company()
        yield company


def postgres_orders(table: str, places: Places) -> Orders:
    """Every order in which PostgreSQL has the rows of a table: on disk, by transaction, by index, byte by byte."""
    column = key_of(table)
    found = {
        name: [key for (key,) in database.execute_sql(f'SELECT {column} FROM "{table}" {order}')]
        for name, order in {
            "as selected": "",
            "ctid": "ORDER BY ctid",
            "page": f"ORDER BY (ctid::text::point)[0], {column}",
            "place in the page": f"ORDER BY (ctid::text::point)[1], {column}",
        }.items()
    }
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = 'public'"
    for name, made in database.execute_sql(indexes, (table,)).fetchall():
        columns = made[made.rindex("(") + 1 : made.rindex(")")]
        found[f"index {name}"] = [
            key for (key,) in database.execute_sql(f'SELECT {column} FROM "{table}" ORDER BY {columns}, ctid')
        ]
    database.execute_sql("CHECKPOINT")
    ((folder,),) = database.execute_sql("SELECT current_setting('data_directory')").fetchall()
    kept = [table, *(name for name, _ in database.execute_sql(indexes, (table,)).fetchall())]
    for name in kept:
        ((file,),) = database.execute_sql("SELECT pg_relation_filepath(%s)", (name,)).fetchall()
        path = Path(folder) / file
        stored = path.read_bytes() if path.is_file() else b""
        at = dict(keys_in(stored, places))
        if set(at) == set(places):
            found[f"bytes of {name}"] = sorted(at, key=lambda key: at[key])
    return found


@pytest.mark.postgres
def test_no_order_of_a_closed_wave_on_postgresql_is_the_order_of_arrival(
    same_chance: None, postgres: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    wave, invitations = everybody_answers(postgres)
    postgres.close_wave(wave)
    tables = places_of(invitations)
    found = {}
    for table, places in tables.items():
        for name, order in postgres_orders(table, places).items():
            found[f"{table}: {name}"] = correlation(order, places)
            assert alike(order, places) <= CHANCE, name
    tell(capsys, "PostgreSQL, closed", found)
    assert len(found) >= 25
    assert max(found.values()) < MOST


@pytest.mark.postgres
def test_after_closing_one_transaction_has_written_all_that_is_left(same_chance: None, postgres: Company) -> None:
    """So none joins an invitation with a comment, nor two comments of one person."""
    wave, _ = everybody_answers(postgres)
    assert joined_by_transaction("rating") == joined_by_transaction("comment") == PEOPLE
    assert joined_by_transaction("receipt") == PEOPLE
    postgres.close_wave(wave)
    for table, rows in (("invitation", PEOPLE), ("comment", 3 * PEOPLE), ("receipt", 3 * PEOPLE)):
        groups = Counter(database.execute_sql(f'SELECT xmin::text, xmax::text, cmin::text FROM "{table}"').fetchall())
        whole = Counter(xmin for (xmin, *_), n in groups.items() for _ in range(n))
        assert list(whole.values()) == [rows]
    assert joined_by_transaction("comment") == joined_by_transaction("receipt") == 0


@pytest.mark.postgres
def test_after_the_next_closing_nothing_on_postgresql_tells_who_wrote_back_after_whom(
    same_chance: None, postgres: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    places = writers_write_back(postgres)
    assert correlation(postgres_orders("reply", places)["ctid"], places) == pytest.approx(1)  # as README says
    postgres.close_wave(postgres.open_wave())
    found = {name: correlation(order, places) for name, order in postgres_orders("reply", places).items()}
    tell(capsys, "PostgreSQL, replies", found)
    assert max(found.values()) < MOST
    assert len(database.execute_sql("SELECT DISTINCT xmin::text FROM reply").fetchall()) == 1
    for table in ("comment", "receipt"):  # who writes back locks the rows that the reply belongs to
        assert len(database.execute_sql(f'SELECT DISTINCT xmax::text FROM "{table}"').fetchall()) == 1, table


def joined_by_transaction(table: str) -> int:
    """Invitations that share a transaction with rows of `table`, and with no other invitation."""
    alone = "SELECT xmin::text AS wrote FROM invitation GROUP BY xmin::text HAVING count(*) = 1"
    query = f'SELECT count(DISTINCT alone.wrote) FROM ({alone}) AS alone JOIN "{table}" ON "{table}".xmin::text = wrote'
    ((found,),) = database.execute_sql(query).fetchall()
    return found


@pytest.mark.postgres
def test_while_a_wave_is_open_postgresql_keeps_the_order_of_arrival(
    same_chance: None, postgres: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    """What README and the page on confidentiality say; it also shows that the attack works."""
    everybody_answers(postgres)
    places = ratings()
    found = {name: correlation(order, places) for name, order in postgres_orders("rating", places).items()}
    tell(capsys, "PostgreSQL, open", found)
    assert found["ctid"] == pytest.approx(1)
    assert joined_by_transaction("rating") == PEOPLE
