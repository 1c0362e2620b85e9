-- Schema 1: the journal and the registry of one site.
-- Instants and durations are whole nanoseconds, instants since 1970-01-01 UTC.

-- Who this store is, and how far its journal has come. One row.
CREATE TABLE store (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  gateway       BLOB    NOT NULL CHECK (length(gateway) = 16),
  last_sequence INTEGER NOT NULL CHECK (last_sequence >= 0)
) STRICT;

-- Each start that has written, in order. Order of time is (boot, sequence), never wall time alone.
CREATE TABLE boot (
  number INTEGER PRIMARY KEY,
  id     BLOB    NOT NULL UNIQUE CHECK (length(id) = 16)
) STRICT;

-- All readings of one quantity of one meter. An empty quantity stands for every quantity that was
-- asked of the meter: only gaps have it.
CREATE TABLE series (
  number   INTEGER PRIMARY KEY,
  meter    TEXT    NOT NULL CHECK (length(meter) BETWEEN 1 AND 64 AND meter NOT GLOB '*[^a-z0-9-]*'),
  quantity TEXT    NOT NULL CHECK (length(quantity) <= 64 AND quantity NOT GLOB '*[^A-Za-z0-9_]*'),
  UNIQUE (meter, quantity)
) STRICT;

-- What readings taken in one go share. The plan is no foreign key: a reading that was taken is kept
-- even where the registry does not know its plan.
CREATE TABLE batch (
  number      INTEGER PRIMARY KEY,
  boot        INTEGER NOT NULL REFERENCES boot (number),
  plan        INTEGER NOT NULL CHECK (plan >= 0),
  duration    INTEGER NOT NULL CHECK (duration >= 0),
  received_at INTEGER NOT NULL
) STRICT;

-- The journal. A value is mantissa x 10^-scale; a mantissa beyond 64 bits is decimal text.
-- The seal is a CRC-32 over all that a reader is told: damage is found, not believed.
CREATE TABLE reading (
  sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
  series   INTEGER NOT NULL REFERENCES series (number),
  at       INTEGER NOT NULL,
  revision INTEGER NOT NULL CHECK (revision BETWEEN 0 AND 4294967295),
  batch    INTEGER NOT NULL REFERENCES batch (number),
  mantissa ANY     NOT NULL CHECK (typeof(mantissa) IN ('integer', 'text')),
  scale    INTEGER NOT NULL CHECK (scale BETWEEN 0 AND 255),
  quality  INTEGER NOT NULL CHECK (quality >= 0),
  source   INTEGER NOT NULL CHECK (source >= 0),
  raw      BLOB             CHECK (length(raw) <= 16 AND length(raw) % 2 = 0),
  seal     INTEGER NOT NULL,
  UNIQUE (series, at, revision)
) STRICT;

CREATE TRIGGER reading_is_never_changed BEFORE UPDATE ON reading
BEGIN SELECT RAISE (ABORT, 'a reading is never changed'); END;
CREATE TRIGGER reading_is_never_deleted BEFORE DELETE ON reading
BEGIN SELECT RAISE (ABORT, 'a reading is never deleted'); END;

-- Who made a later revision, and why.
CREATE TABLE correction (
  sequence INTEGER PRIMARY KEY REFERENCES reading (sequence),
  author   TEXT NOT NULL CHECK (length(author) BETWEEN 1 AND 200),
  reason   TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000)
) STRICT;

-- The same reading told again with other content. It changes nothing in the journal.
CREATE TABLE conflict (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  sequence INTEGER NOT NULL REFERENCES reading (sequence),
  batch    INTEGER NOT NULL REFERENCES batch (number),
  mantissa ANY     NOT NULL CHECK (typeof(mantissa) IN ('integer', 'text')),
  scale    INTEGER NOT NULL CHECK (scale BETWEEN 0 AND 255),
  quality  INTEGER NOT NULL CHECK (quality >= 0),
  source   INTEGER NOT NULL CHECK (source >= 0),
  raw      BLOB             CHECK (length(raw) <= 16 AND length(raw) % 2 = 0),
  seal     INTEGER NOT NULL
) STRICT;
CREATE INDEX conflict_of_reading ON conflict (sequence);

-- What could not be read, and why.
CREATE TABLE gap (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  series INTEGER NOT NULL REFERENCES series (number),
  at     INTEGER NOT NULL,
  reason TEXT    NOT NULL CHECK (length(reason) BETWEEN 1 AND 32 AND reason NOT GLOB '*[^a-z_]*'),
  batch  INTEGER NOT NULL REFERENCES batch (number),
  detail TEXT    NOT NULL CHECK (length(detail) <= 200),
  UNIQUE (series, at, reason)
) STRICT;

-- The registry. A row is valid from one plan up to, but not including, another; the row in force
-- has no end. Nothing is overwritten and nothing is deleted.
CREATE TABLE plan (
  number     INTEGER PRIMARY KEY CHECK (number > 0),
  document   TEXT    NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE site (
  key       TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 64 AND key NOT GLOB '*[^a-z0-9-]*'),
  time_zone TEXT    NOT NULL,
  simulated INTEGER NOT NULL CHECK (simulated IN (0, 1)),
  from_plan INTEGER NOT NULL REFERENCES plan (number),
  to_plan   INTEGER          REFERENCES plan (number) CHECK (to_plan > from_plan)
) STRICT;
CREATE UNIQUE INDEX site_in_force ON site ((1)) WHERE to_plan IS NULL;

CREATE TABLE bus (
  key       TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 64 AND key NOT GLOB '*[^a-z0-9-]*'),
  port      TEXT    NOT NULL,
  settings  TEXT    NOT NULL,
  position  INTEGER NOT NULL,
  from_plan INTEGER NOT NULL REFERENCES plan (number),
  to_plan   INTEGER          REFERENCES plan (number) CHECK (to_plan > from_plan)
) STRICT;
CREATE UNIQUE INDEX bus_in_force ON bus (key) WHERE to_plan IS NULL;

CREATE TABLE meter (
  key       TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 64 AND key NOT GLOB '*[^a-z0-9-]*'),
  name      TEXT,
  space     TEXT,
  medium    TEXT             CHECK (medium NOT GLOB '*[^a-z_]*'),
  bus       TEXT    NOT NULL CHECK (length(bus) BETWEEN 1 AND 64 AND bus NOT GLOB '*[^a-z0-9-]*'),
  address   INTEGER NOT NULL CHECK (address BETWEEN 0 AND 255),
  model     TEXT    NOT NULL,
  settings  TEXT    NOT NULL,
  position  INTEGER NOT NULL,
  from_plan INTEGER NOT NULL REFERENCES plan (number),
  to_plan   INTEGER          REFERENCES plan (number) CHECK (to_plan > from_plan)
) STRICT;
CREATE UNIQUE INDEX meter_in_force ON meter (key) WHERE to_plan IS NULL;
