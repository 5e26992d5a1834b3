"""Fills a database with years of work in seconds: by SQL alone, its indexes put on last.

A year of jobs, evenly, the youngest with the highest key; two ledger rows and an entry of
the audit log each, a picture for each that succeeded; a purchase for every twenty, a
person and a flagged prompt for every hundred.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

JOBS_A_PERSON: Final = 100
DAYS: Final = 365
RECIPE: Final = (
    '{"operation": "text-to-image", "width": 1024, "height": 1024, "seed": 7}'
)
TABLES: Final = (
    "accounts_auditentry",
    "accounts_customer",
    "accounts_purchase",
    "accounts_user",
    "accounts_wallet",
    "accounts_creditentry",
    "gallery_image",
    "gallery_storedfile",
    "generators_generation",
    "generators_generationjob",
    "generators_promptverdict",
)

_NUMBERS: Final = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
"""
_PEOPLE: Final = """
    INSERT INTO accounts_user (id, password, is_superuser, is_staff, is_active,
        date_joined, email, name)
    {numbers} SELECT i + 1000, '', {no}, {no}, {yes}, {now},
        'person' || i || '@example.org', 'Person ' || i FROM n
"""
_WALLETS: Final = """
    INSERT INTO accounts_wallet (id, user_id, balance, reserved, debt, free_month)
    {numbers} SELECT i + 1000, i + 1000, 100000, 0, 0, '' FROM n
"""
_PRESSES: Final = """
    INSERT INTO generators_generation (id, public_id, owner_id, client_token, prompt,
        created_at)
    {numbers} SELECT i, {uuid}, 1001 + i % {people}, {uuid}, 'an owl by night', {ago}
    FROM n
"""
_JOBS: Final = """
    INSERT INTO generators_generationjob (id, public_id, generation_id, owner_id,
        wallet_id, image_model_slug, image_model_label, provider, lane, recipe,
        num_images, num_inputs, width, height, price_credits, num_delivered,
        settled_credits, estimated_usd_micros, actual_usd_micros, status, phase,
        failure_kind, failure_message, failure_detail, progress, version, turn,
        attempts, provider_request_id, created_at, changed_at, started_at,
        drawing_since, finished_at, deadline_at, model_seconds)
    {numbers} SELECT i, {uuid}, i, 1001 + i % {people}, 1001 + i % {people},
        'model-' || i % 12, 'Model ' || i % 12, 'provider-' || i % 5,
        CASE WHEN i % 3 = 0 THEN 'local' ELSE 'remote' END, '{recipe}',
        1, 0, 1024, 1024, 5,
        CASE WHEN {good} THEN 1 ELSE 0 END,
        CASE WHEN {open} THEN NULL WHEN {good} THEN 5 ELSE 0 END,
        40000, CASE WHEN {good} AND i % 2 = 0 THEN 39000 END,
        CASE WHEN {open} THEN 'queued' WHEN {good} THEN 'succeeded'
             WHEN i % 100 < 97 THEN 'failed' ELSE 'canceled' END,
        CASE WHEN {open} THEN 'waiting' ELSE 'saving' END,
        CASE WHEN {open} OR {good} OR i % 100 >= 97 THEN ''
             WHEN i % 1000 < 100 THEN 'out-of-memory' ELSE 'refused' END,
        '', '', 1, 5, i / {people}, 0, '',
        {ago}, {ago}, CASE WHEN {open} THEN NULL ELSE {ago} END,
        CASE WHEN {open} THEN NULL ELSE {ago} END,
        CASE WHEN {open} THEN NULL ELSE {ago_end} END,
        CASE WHEN {open} THEN {ahead} END, 5.5
    FROM n
"""
_RESERVATIONS: Final = """
    INSERT INTO accounts_creditentry (id, wallet_id, kind, amount, reserved, debt, job_id,
        reference, note, created_at)
    SELECT 2 * id - 1, wallet_id, 'reserve', -5, 5, 0, public_id, '', '', created_at
    FROM generators_generationjob
"""
_ENDS: Final = """
    INSERT INTO accounts_creditentry (id, wallet_id, kind, amount, reserved, debt, job_id,
        reference, note, created_at)
    SELECT 2 * id, wallet_id,
        CASE WHEN status = 'succeeded' THEN 'settle' ELSE 'refund' END,
        CASE WHEN status = 'succeeded' THEN 0 ELSE 5 END, -5, 0, public_id, '', '',
        finished_at
    FROM generators_generationjob WHERE finished_at IS NOT NULL
"""
_FILES: Final = """
    INSERT INTO gallery_storedfile (id, content_hash, path, small_path, large_path,
        mime_type, size, width, height, ref_count, created_at)
    SELECT id, 'hash-' || id, '', '', '', 'image/png', 1500000 + id % 1000000,
        1024, 1024, 1, finished_at
    FROM generators_generationjob WHERE status = 'succeeded'
"""
_IMAGES: Final = """
    INSERT INTO gallery_image (id, public_id, owner_id, kind, file_id, job_id, position,
        operation, prompt, negative_prompt, revised_prompt, provider, provider_model_id,
        image_model_slug, image_model_label, parameters, credits, created_at)
    SELECT id, public_id, owner_id,
        CASE WHEN id % 200 = 0 THEN 'mask' ELSE 'generated' END, id, public_id, 0,
        'text-to-image', 'an owl by night', '', '', provider, '', image_model_slug,
        image_model_label, '{{}}', 5, finished_at
    FROM generators_generationjob WHERE status = 'succeeded'
"""
_ACTS: Final = """
    INSERT INTO accounts_auditentry (id, actor_id, actor_name, action, target_type,
        target_pk, target_text, person_id, before, after, reason, created_at)
    SELECT id, 1001 + id % 10, 'person' || (1 + id % 10) || '@example.org',
        CASE WHEN id % 4 = 0 THEN 'change' ELSE 'cancel' END,
        CASE WHEN id % 4 = 0 THEN 'accounts.user' ELSE 'generators.generationjob' END,
        '' || id, 'Something', owner_id, '{{"status": "queued"}}',
        '{{"status": "canceled"}}', 'because', created_at
    FROM generators_generationjob
"""
_VERDICTS: Final = """
    INSERT INTO generators_promptverdict (id, owner_id, generation_id, action, rule,
        prompt, state, created_at)
    SELECT id, owner_id, generation_id, 'flag', 'owl', 'an owl by night',
        CASE WHEN id % 100 = 0 THEN 'open' ELSE 'dismissed' END, created_at
    FROM generators_generationjob WHERE id % 20 = 0
"""
_OFFER: Final = """
    INSERT INTO accounts_offer (id, kind, name, credits, amount, currency, active,
        "order", livemode, stripe_price, created_at)
    VALUES (1, 'pack', 'Handful', 100, 500, 'usd', {yes}, 1, {no}, '', {now})
"""
_CUSTOMERS: Final = """
    INSERT INTO accounts_customer (id, wallet_id, livemode, stripe_id, created_at)
    SELECT id, id, {no}, 'cus_' || id, {now} FROM accounts_wallet
"""
_PURCHASES: Final = """
    INSERT INTO accounts_purchase (id, wallet_id, customer_id, offer_id, stripe_id,
        payment_intent, credits, amount, currency, taken_back, refunded, disputed,
        num_looks, livemode, made_at, created_at)
    SELECT id, wallet_id, wallet_id, 1, 'cs_' || id, 'pi_' || id, 100, 500, 'usd',
        0, 0, 0, 1, {no}, created_at, created_at
    FROM generators_generationjob WHERE id % 20 = 0
"""
_EVERYTHING: Final = (
    (_PEOPLE, "people"),
    (_WALLETS, "people"),
    (_PRESSES, "jobs"),
    (_JOBS, "jobs"),
    (_RESERVATIONS, "jobs"),
    (_ENDS, "jobs"),
    (_FILES, "jobs"),
    (_IMAGES, "jobs"),
    (_ACTS, "jobs"),
    (_VERDICTS, "jobs"),
    (_OFFER, "jobs"),
    (_CUSTOMERS, "people"),
    (_PURCHASES, "jobs"),
)

OPEN: Final = 40
"""The last so many jobs have not ended."""

POSTGRES: Final = {
    "uuid": "gen_random_uuid()",
    "now": "now()",
    "ahead": "now() + interval '1 day'",
    "ago": "now() - interval '1 second' * ({age})",
    "ago_end": "now() - interval '1 second' * (({age}) - 6)",
    "yes": "true",
    "no": "false",
}
SQLITE: Final = {
    "uuid": "lower(hex(randomblob(16)))",
    "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "ahead": "strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 day')",
    "ago": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({age}) || ' seconds')",
    "ago_end": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (({age}) - 6) || ' seconds')",
    "yes": "1",
    "no": "0",
}


def statements(jobs: int, dialect: dict[str, str]) -> Iterator[str]:
    """Yield what fills a database with so many jobs."""
    counts = {"jobs": jobs, "people": max(1, jobs // JOBS_A_PERSON)}
    age = f"10 + ({jobs} - i) * {DAYS * 86_400 / jobs}"
    words = {name: text.format(age=age) for name, text in dialect.items()}
    words |= {
        "recipe": RECIPE,
        "people": str(counts["people"]),
        "good": "(i % 100 < 92)",
        "open": f"(i > {jobs} - {OPEN})",
    }
    for text, count in _EVERYTHING:
        numbers = _NUMBERS.format(count=counts[count])
        yield text.format(numbers=numbers, **words)


def fill(url: str, jobs: int) -> None:
    """Fill a migrated database with so many jobs."""
    if url.startswith("sqlite:"):
        _fill_sqlite(url.removeprefix("sqlite:///"), jobs)
    else:
        _fill_postgres(url, jobs)


def _fill_postgres(url: str, jobs: int) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("SET session_replication_role = replica")  # asks for no keys
        with _without_indexes(server, _OF_POSTGRES):
            for statement in statements(jobs, POSTGRES):
                server.execute(statement.encode())
        server.execute("VACUUM ANALYZE")


def _fill_sqlite(path: str, jobs: int) -> None:
    file = sqlite3.connect(path, isolation_level=None)
    file.execute("PRAGMA journal_mode = OFF")
    file.execute("PRAGMA synchronous = OFF")
    with _without_indexes(file, _OF_SQLITE):
        for statement in statements(jobs, SQLITE):
            file.execute(statement)
    file.execute("PRAGMA journal_mode = WAL")
    file.close()


_OF_POSTGRES: Final = """
    SELECT indexname, indexdef FROM pg_indexes JOIN pg_class ON relname = indexname
    WHERE schemaname = 'public' AND tablename IN ({tables})
        AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = pg_class.oid)
"""
_OF_SQLITE: Final = """
    SELECT name, sql FROM sqlite_master
    WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})
"""


@contextmanager
def _without_indexes(database: Any, query: str) -> Iterator[None]:
    """Take the indexes off that no constraint needs, and put them on again."""
    tables = ", ".join(f"'{name}'" for name in TABLES)
    indexes = database.execute(query.format(tables=tables)).fetchall()
    for name, _ in indexes:
        database.execute(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        database.execute(definition)
