"""The tables of a TOML file: each entry that is asked for is there and of the right kind, or its fault is named."""

from dataclasses import dataclass
from datetime import date
from typing import Any

LONGEST_NAME = 200  # characters


class MappingError(ValueError):
    """A mapping cannot be used; the message names the entry, what was found and what was expected."""


@dataclass(frozen=True)
class Entries:
    """A table of a mapping. What is asked of it is there and of the right kind, or MappingError names the entry."""

    place: str  # "sales.toml" or "sales.toml, [scale]"
    values: dict[str, Any]

    def error(self, name: str, expected: str) -> MappingError:
        value = self.values.get(name)
        found = "nothing" if name not in self.values else f'"{value}"' if isinstance(value, str) else value
        return MappingError(f'{self.place}, entry "{name}": found {found}; expected {expected}.')

    def refuse_others(self, *allowed: str) -> "Entries":
        """This table, when it has no entry but those `allowed`: a misspelt one would be passed over in silence."""
        for name in self.values:
            if name not in allowed:
                raise MappingError(f'{self.place}, entry "{name}": is unknown; expected one of {", ".join(allowed)}.')
        return self

    def text(self, name: str, default: str | None = None, longest: int = LONGEST_NAME) -> str:
        """A text; one without a default must not be empty."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or not (value or default == "") or len(value) > longest:
            raise self.error(name, f"a text of at most {longest} characters")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of texts or numbers; none when the entry is missing."""
        value = self.values.get(name, [])
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in listed):
            raise self.error(name, 'a list of texts like ["0", ""]')
        return tuple(str(one) for one in listed)

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error(name, "a number")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self.error(name, "true or false")
        return value

    def day(self, name: str) -> date:
        value = self.values.get(name)
        try:
            return value if type(value) is date else date.fromisoformat(str(value))
        except ValueError:
            raise self.error(name, "a date like 2017-05-31") from None

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.values.get(name, default)
        if (value != default and value not in choices) or value is None:
            raise self.error(name, "one of " + ", ".join(f'"{choice}"' for choice in choices))
        return value

    def table(self, name: str, default: dict[str, Any] | None = None) -> "Entries":
        value = self.values.get(name, default)
        if not isinstance(value, dict):
            raise self.error(name, f"a table [{name}]")
        return Entries(f"{self.place}, [{name}]", value)
