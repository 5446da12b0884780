"""What one snapshot may hold: more than any export can use, less than would fill the memory or the time of a run.

| what | limit | what lies below it |
| --- | --- | --- |
| rows of a snapshot, blank ones too | 5,000,000 | five times the contacts of an export: duplicates, rejected rows |
| decompressed bytes of a snapshot | 20 GiB | a million profiles of a thousand columns |
| bytes out of a gzip file | 500 times its size, 1 GiB are always fine | rows of empty cells; only filler goes further |
| members of a gzip file | 1,000,000 | 64 GiB in the smallest blocks that are in use (BGZF) |
| columns of a file, cells of a row | 5,000 | |
| characters of a cell, of a row | 1 MiB, 8 MiB | |
| lines of a row | 100,000 | a cell of text with so many line breaks |
| model.json | 16 MiB, 5,000 entities, 100,000 partitions | |
| pages of a Parquet file | 100 times its size, 256 MiB are always fine | repetition is taken out before compression |
| one column in 8,192 rows of a Parquet file | 64 MiB | cells of 8 KiB |

A file beyond a limit is refused by name: what a person sees is an error, not a run that never ends.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ROWS = 5_000_000
MAX_BYTES = 20 * 1024**3
MAX_EXPANSION = 500
ALWAYS_FINE_BYTES = 1024**3
MAX_GZIP_MEMBERS = 1_000_000
MAX_COLUMNS = 5_000
MAX_CELL_CHARS = 1024**2
MAX_ROW_CHARS = 8 * 1024**2
MAX_ROW_LINES = 100_000
MAX_MODEL_BYTES = 16 * 1024**2
MAX_ENTITIES = 5_000
MAX_PARTITIONS = 100_000
MAX_PARQUET_EXPANSION = 100
ALWAYS_FINE_PARQUET_BYTES = 256 * 1024**2
MAX_COLUMN_BATCH_BYTES = 64 * 1024**2


@dataclass
class Allowance:
    """What a snapshot may still hold; its partitions use it up one after the other."""

    max_bytes: int = MAX_BYTES
    max_rows: int = MAX_ROWS

    def __post_init__(self) -> None:
        self.bytes_left = self.max_bytes
        self.rows_left = self.max_rows
