/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_SCHEMA_H
#define DC_TOOLS_COLLECTION_SCHEMA_H

#define DC_COLLECTION_VERSION 1

/* docs/collections.md describes it. `draw` is a random number by seed and path: reading in its
 * order is reading in random order, and the first so many are a fair sample. */
static const char dc_collection_schema[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS groups("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    "  named INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0,"
    "  edited INTEGER NOT NULL DEFAULT 0, revision INTEGER NOT NULL DEFAULT 1);"
    "CREATE TABLE IF NOT EXISTS prototypes("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL, centroid BLOB NOT NULL,"
    "  spread REAL NOT NULL);"
    "CREATE TABLE IF NOT EXISTS pictures("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, modified INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, draw INTEGER NOT NULL,"
    "  scan INTEGER NOT NULL, run INTEGER NOT NULL, complaint TEXT, width INTEGER, height INTEGER,"
    "  group_id INTEGER, sure REAL, distance REAL, novel INTEGER NOT NULL DEFAULT 0,"
    "  held INTEGER NOT NULL DEFAULT 0, neighbours BLOB);"
    "CREATE INDEX IF NOT EXISTS pictures_by_state ON pictures(state, draw);"
    "CREATE INDEX IF NOT EXISTS pictures_by_group ON pictures(group_id, distance);"
    "CREATE INDEX IF NOT EXISTS pictures_alone ON pictures(group_id) WHERE neighbours IS NULL;"
    "CREATE INDEX IF NOT EXISTS pictures_unplaced ON pictures(draw) WHERE group_id IS NULL AND "
    "  state = 1;"
    "CREATE INDEX IF NOT EXISTS pictures_new ON pictures(run) WHERE run > 1;"
    "CREATE INDEX IF NOT EXISTS pictures_novel ON pictures(distance) WHERE novel = 1;"
    "CREATE TABLE IF NOT EXISTS embeddings(id INTEGER PRIMARY KEY, vector BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS candidates(id INTEGER PRIMARY KEY, vector BLOB NOT NULL);"
    "CREATE TRIGGER IF NOT EXISTS pictures_leave AFTER DELETE ON pictures BEGIN"
    "  DELETE FROM embeddings WHERE id = old.id;"
    "  UPDATE groups SET revision = revision + 1 WHERE id = old.group_id;"
    "END;"
    "CREATE TRIGGER IF NOT EXISTS candidates_leave AFTER DELETE ON pictures BEGIN"
    "  DELETE FROM candidates WHERE id = old.id;"
    "END;";

#endif
