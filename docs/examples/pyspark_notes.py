"""Reads a table of notes with PySpark: what each note says, and the note without who it is about.

    spark-submit docs/examples/pyspark_notes.py notes.parquet findings.parquet clean.parquet

The notes have the columns note_id, patient_id and text. medlar must be installed on every worker (pip install .); each
worker process opens the model once, at its first note, and keeps it. A worker has one core, so medlar gets one thread.
"""

import sys
from collections.abc import Iterator

import pandas
from pyspark.sql import DataFrame, SparkSession

import medlar

FINDING_COLUMNS = (
    "note_id string, begin int, end int, label string, text string, assertion string, name string, code string"
)
CLEAN_COLUMNS = "note_id string, text string, redactions int"


def findings_of(batches: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    """A row for each finding; begin and end are offsets in code points."""
    for notes in batches:
        rows = [
            (note.note_id, span.begin, span.end, span.label, note.text[span.begin : span.end])
            + tuple(span.attributes.get(key) for key in ("assertion", "name", "code"))
            for note in notes.itertuples()
            for span in medlar.analyze(note.text, threads=1)
        ]
        yield pandas.DataFrame(rows, columns=[column.split()[0] for column in FINDING_COLUMNS.split(", ")])


def clean_of(batches: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    """A row for each note. A patient's invented names are the same in all notes of the patient; with a `key` of your
    own nobody else can compute them."""
    for notes in batches:
        done = [
            medlar.deidentify(note.text, method="replace", patient=note.patient_id, threads=1)
            for note in notes.itertuples()
        ]
        yield pandas.DataFrame(
            {
                "note_id": notes["note_id"],
                "text": [note.text for note in done],
                "redactions": [len(note.redactions) for note in done],
            }
        )


def findings(notes: DataFrame) -> DataFrame:
    return notes.mapInPandas(findings_of, FINDING_COLUMNS)


def clean(notes: DataFrame) -> DataFrame:
    return notes.mapInPandas(clean_of, CLEAN_COLUMNS)


def main(source: str, findings_to: str, clean_to: str) -> None:
    spark = SparkSession.builder.appName("medlar").getOrCreate()
    notes = spark.read.parquet(source)
    findings(notes).write.parquet(findings_to)
    clean(notes).write.parquet(clean_to)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
