"""From plain values to a checked configuration: an unknown key fails and names the nearest one."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

ConfigT = TypeVar("ConfigT")


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key, what was found and the fix."""


def parse(schema: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
    """The configuration as checked, typed values.

    Raises `ConfigError` for an unknown key (naming the nearest known), a missing key, a value of
    the wrong type, or values that contradict each other.
    """
    known = set(known_keys(schema, values))
    for key in _leaves(values):
        if key not in known:
            raise unknown_key(key, known)
    try:
        return TypeAdapter(schema).validate_python(dict(values))
    except ValidationError as error:
        raise ConfigError(_plain(error)) from error


def to_plain(config: Any) -> dict[str, Any]:
    """A checked configuration as plain containers, as `parse` takes it."""
    return TypeAdapter(type(config)).dump_python(config, mode="json")


def unknown_key(key: str, known: set[str]) -> ConfigError:
    """The error for a key that nothing reads."""
    nearest = max(sorted(known), key=lambda candidate: _likeness(key, candidate))
    return ConfigError(f"unknown key {key!r}; the nearest known key is {nearest!r}")


def _likeness(key: str, known: str) -> float:
    """How alike two dotted keys are; the last part counts most, as a key may be misplaced."""

    def ratio(one: str, other: str) -> float:
        return difflib.SequenceMatcher(None, one, other).ratio()

    parent, _, name = key.rpartition(".")
    known_parent, _, known_name = known.rpartition(".")
    # A key without its parent says nothing about where it belongs.
    return (ratio(parent, known_parent) if parent else 0.0) + 2 * ratio(name, known_name)


def known_keys(
    schema: Any, values: Mapping[str, Any] | None = None, prefix: str = ""
) -> Iterator[str]:
    """Every dotted key that a schema reads.

    Where a group has several members, `values` tell by its `name` which one; without them the
    keys of all members are given.
    """
    hints = get_type_hints(schema)
    for entry in fields(schema):
        below = (values or {}).get(entry.name)
        below = below if isinstance(below, Mapping) else None
        members = [m for m in _members(hints[entry.name]) if is_dataclass(m)]
        if not members:
            yield f"{prefix}{entry.name}"
        named = [m for m in members if below and below.get("name") in _names(m)]
        for member in named or members:
            yield from known_keys(member, below, f"{prefix}{entry.name}.")


def _members(hint: Any) -> list[Any]:
    """The alternatives of a type, unwrapped."""
    if get_origin(hint) in (Union, UnionType):
        return [member for part in get_args(hint) for member in _members(part)]
    return [hint]


def _names(schema: Any) -> tuple[Any, ...]:
    """What `name` may be in a member of a group."""
    return get_args(get_type_hints(schema).get("name"))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        elif not isinstance(value, Mapping):
            yield f"{prefix}{key}"


def _plain(error: ValidationError) -> str:
    """pydantic's findings, with each key as it is written on the command line."""
    lines = []
    for found in error.errors():
        location = [str(part) for part in found["loc"]]
        # A union's member is part of pydantic's location, not of the key.
        if len(location) > 1 and location[0] in ("corpus", "model", "objective", "logger"):
            del location[1]
        key = ".".join(location)
        if found["type"] == "missing":
            lines.append(f"{key}: no value; give {key}=…")
        elif found["type"] == "value_error":
            said = found["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {said}" if key else said)
        else:
            lines.append(f"{key}: {found['msg']}, found {found['input']!r}")
    return "; ".join(lines)
