"""Truth: what groma knows and cannot read again from the files, in SQL (DESIGN §2.1).

`database` speaks to SQLite or Postgres, `schema` holds the tables, `scopes`, `manifests` and `generations` the questions. Nothing here knows
of chunks, vectors or stores: those are projections, and a broken one costs nothing that is kept here.
"""
