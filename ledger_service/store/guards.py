"""The triggers that make the log tables append-only, as SQL text for SQLite and PostgreSQL.

Promises: on a database that has them, UPDATE, DELETE, REPLACE, ON CONFLICT DO UPDATE and TRUNCATE of a log table
fail, and INSERT takes only the next row: `max + 1` for entries (in the log and in their case), nodes and anchor
steps, the size of the log for a checkpoint. SQLite's REPLACE deletes the row it collides with *without* firing
DELETE triggers unless the connection asks for it, so each BEFORE INSERT guard also excludes a collision in every
other unique column; it holds on a stock connection. On PostgreSQL the triggers are ENABLE ALWAYS, so that
`session_replication_role` does not pass them by.
Does not: stop the owner of the database, who can drop a trigger; such a change is detected, not prevented, and a
missing or altered trigger keeps the store from opening (`start_check.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.store.tables import LOG_TABLES

# For each log table, what makes a new row wrong. {schema} qualifies the table, so that no temporary table of the
# same name stands in for it.
_NEXT = "{new}.{column} IS DISTINCT FROM (SELECT COALESCE(MAX({column}), -1) + 1 FROM {schema}{table})"
_TAKEN = "EXISTS (SELECT 1 FROM {schema}{table} WHERE {match})"
_STEP = "(SELECT COALESCE(MAX(seq), -1) + 1 FROM {schema}{table} WHERE first_idx = {new}.first_idx)"
_CASE = "(SELECT return_id FROM {schema}{table} WHERE idx = {new}.first_idx)"
_ORDER: dict[str, tuple[str, ...]] = {
    "entries": (
        _NEXT.replace("{column}", "idx"),
        # The entries of a case come without gaps; the first names itself, and no other case has that return_id.
        "{new}.seq IS NOT NULL AND {new}.seq IS DISTINCT FROM " + _STEP,
        "{new}.seq = 0 AND {new}.first_idx IS DISTINCT FROM {new}.idx",
        "{new}.seq = 0 AND " + _TAKEN.replace("{match}", "return_id = {new}.return_id AND seq = 0"),
        "{new}.seq > 0 AND {new}.return_id IS DISTINCT FROM " + _CASE,
    ),
    "nodes": (_NEXT.replace("{column}", "id"),),
    "checkpoints": (
        # Exactly the size of the log: above every earlier checkpoint's, as entries never go away.
        "{new}.size IS DISTINCT FROM (SELECT MAX(idx) + 1 FROM {schema}entries)",
        _TAKEN.replace("{match}", "size >= {new}.size"),
    ),
    "anchor_history": (
        _NEXT.replace("{column}", "id"),
        _TAKEN.replace("{match}", "log_id = {new}.log_id AND sequence = {new}.sequence AND step >= {new}.step"),
    ),
}


@dataclass(frozen=True, slots=True)
class Guard:
    """A trigger: its table and name, and the statements that create it."""

    table: str
    name: str
    statements: tuple[str, ...]


def sqlite_guards() -> tuple[Guard, ...]:
    """Return the triggers for SQLite; `sqlite_master.sql` holds each statement as given here."""
    guards = []
    for table in LOG_TABLES:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_refuse_{verb.lower()}"
            guards.append(_sqlite_guard(table, name, f"BEFORE {verb} ON {table}", f"{verb} refused"))
        condition = _condition(table, new="NEW", schema="").replace("IS DISTINCT FROM", "IS NOT")
        event = f"BEFORE INSERT ON {table} WHEN {condition}"
        guards.append(_sqlite_guard(table, f"{table}_in_order", event, "only the next row may be inserted"))
    return tuple(guards)


def postgresql_guards(schema: str) -> tuple[Guard, ...]:
    """Return the triggers for PostgreSQL, with the functions they call.

    Args:
        schema: Quoted name of the schema that holds the tables.
    """
    prefix = f"{schema}."
    guards = []
    for table in LOG_TABLES:
        for verb, scope in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{table}_refuse_{verb.lower()}"
            body = _raise(f"{table} is append-only: {verb} refused")
            guards.append(_postgresql_guard(prefix, table, name, event=f"BEFORE {verb}", scope=scope, body=body))
        condition = _condition(table, new="NEW", schema=prefix)
        refusal = _raise(f"{table} is append-only: only the next row may be inserted")
        body = f"IF {condition} THEN {refusal} END IF; RETURN NEW;"
        name = f"{table}_in_order"
        guards.append(_postgresql_guard(prefix, table, name, event="BEFORE INSERT", scope="ROW", body=body))
    return tuple(guards)


def function_body(body: str) -> str:
    """Return the source text of a trigger function as PostgreSQL keeps it in `pg_proc.prosrc`."""
    return f" BEGIN {body} END "


def postgresql_bodies(schema: str) -> dict[str, str]:
    """Return, for each trigger name, the function source that `pg_proc.prosrc` must hold."""
    return {guard.name: guard.statements[0].split("$$")[1] for guard in postgresql_guards(schema)}


def _condition(table: str, *, new: str, schema: str) -> str:
    return " OR ".join(part.format(new=new, schema=schema, table=table) for part in _ORDER[table])


def _sqlite_guard(table: str, name: str, event: str, refusal: str) -> Guard:
    message = f"{table} is append-only: {refusal}"
    statement = f"CREATE TRIGGER {name} {event} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    return Guard(table, name, (statement,))


def _raise(message: str) -> str:
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation';"


def _postgresql_guard(prefix: str, table: str, name: str, *, event: str, scope: str, body: str) -> Guard:
    function = f"{prefix}{name}()"
    return Guard(
        table,
        name,
        (
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $${function_body(body)}$$",
            f"CREATE TRIGGER {name} {event} ON {prefix}{table} FOR EACH {scope} EXECUTE FUNCTION {function}",
            f"ALTER TABLE {prefix}{table} ENABLE ALWAYS TRIGGER {name}",
        ),
    )
