"""Mappings that are kept under a name, for the next file of the same source."""

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from survey.mapping import Mapping, load_mapping, read_mapping
from survey.models import KeptMapping
from survey.refusal import Refusal, _l
from survey.sheets import slug

LONGEST = 80  # characters of a name


def keep(name: str, values: dict[str, Any], columns: Sequence[str], now: int) -> KeptMapping:
    """Keep `values` (a mapping's table) under `name`, in place of one kept for the same columns. Raises Refusal."""
    key = key_for(name, values, columns)
    kept = {"name": name, "toml": tomli_w.dumps(values), "header": header_digest(columns), "kept_at": now}
    KeptMapping.insert(key=key, **kept).on_conflict(conflict_target=[KeptMapping.key], update=kept).execute()
    return KeptMapping.get_by_id(key)


def key_for(name: str, values: dict[str, Any], columns: Sequence[str]) -> str:
    """The key under which this would be kept. Raises Refusal when it cannot be."""
    key = slug(name)
    if not key or len(name) > LONGEST or len(key) > LONGEST:
        raise Refusal(_l("Give the mapping a name of letters or digits, at most %(most)s characters."), most=LONGEST)
    read_mapping(key, values)
    earlier = KeptMapping.get_or_none(KeptMapping.key == key)
    if earlier and earlier.header != header_digest(columns):
        raise Refusal(_l("“%(name)s” is the mapping of files with other columns. Choose another name."), name=name)
    return key


def free_name(*names: str) -> str:
    """The first of `names` that no mapping has; empty when all are taken."""
    taken = {mapping.key for mapping in kept()}
    return next((name[:LONGEST] for name in names if slug(name) not in taken), "")


def header_digest(columns: Sequence[str]) -> str:
    """SHA-256 of the names of a file's columns."""
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()


def kept() -> list[KeptMapping]:
    return list(KeptMapping.select().order_by(KeptMapping.name))


def made_for(columns: Sequence[str]) -> KeptMapping | None:
    """The mapping that was kept last with a file of the same header."""
    same = KeptMapping.select().where(KeptMapping.header == header_digest(columns))
    return same.order_by(KeptMapping.kept_at.desc(), KeptMapping.key).first()


def table_of(mapping: KeptMapping) -> dict[str, Any]:
    return tomllib.loads(mapping.toml)


def forget(key: str) -> bool:
    """Forget the mapping; whether there was one. What was imported with it stays."""
    return bool(KeptMapping.delete().where(KeptMapping.key == key).execute())


def find(name_or_path: str) -> Mapping:
    """The mapping in a file, the one kept under that name, or the shipped one; raises MappingError."""
    mapping = None if Path(name_or_path).is_file() else KeptMapping.get_or_none(KeptMapping.key == slug(name_or_path))
    return read_mapping(mapping.name, table_of(mapping)) if mapping else load_mapping(name_or_path)
