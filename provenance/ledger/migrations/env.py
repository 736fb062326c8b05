"""What Alembic runs: all pending migrations in the caller's transaction, then the triggers.

Hashed bodies are never migrated: each names its own schema. In SQLite a migration may only add
tables and columns; changing one there copies the table and would lose its triggers, which are
made anew here in any case.
"""

from alembic import context

from evoreg.provenance.ledger.columns import metadata
from evoreg.provenance.ledger.tables import VERSION_TABLE
from evoreg.provenance.ledger.triggers import install_triggers

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
install_triggers(connection)
