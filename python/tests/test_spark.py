"""docs/examples/pyspark_notes.py, run by a Spark of this machine."""

import importlib.util
import os
import shutil
import sys
from collections import Counter

import pytest

for package in ("pyspark", "pandas", "pyarrow"):
    pytest.importorskip(package, reason=f"{package} is not installed: ./dev wheel spark does")
if shutil.which("java") is None:
    pytest.skip("Spark needs a Java runtime: apt-get install default-jre-headless", allow_module_level=True)

import pandas
from pyspark.sql import SparkSession

NOTES = [
    ("n1", "p1", "Patient: Anna Kowalska. Née 1950 😀. Denies chest pain."),
    ("n2", "p1", "Anna Kowalska has asthma."),
    ("n3", "p2", "Anna Kowalska has asthma."),
] + [(f"m{i}", f"q{i}", "Mutation of BRCA1.") for i in range(37)]


@pytest.fixture(scope="module")
def example(checkout):
    spec = importlib.util.spec_from_file_location("pyspark_notes", checkout / "docs/examples/pyspark_notes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="module")
def table(spark, tmp_path_factory):
    """Eight files, so that there are more tasks than workers."""
    folder = tmp_path_factory.mktemp("notes")
    frame = pandas.DataFrame(NOTES, columns=["note_id", "patient_id", "text"])
    for i in range(8):
        frame.iloc[i::8].to_parquet(folder / f"{i}.parquet")
    return spark.read.parquet(str(folder)).repartition(8)


def test_findings(example, table):
    rows = example.findings(table).collect()
    texts = {note_id: text for note_id, _, text in NOTES}
    assert all(texts[row.note_id][row.begin : row.end] == row.text for row in rows)
    assert [row.assertion for row in rows if row.text == "chest pain"] == ["negated"]
    assert sum(row.label == "gene" for row in rows) == 37


def test_clean(example, table):
    text = {row.note_id: row.text for row in example.clean(table).collect()}
    assert len(text) == len(NOTES)
    assert "Kowalska" not in "".join(text.values())
    assert text["n2"] != text["n3"]
    assert text["n2"].split(" has ")[0] in text["n1"]


def test_a_worker_opens_the_model_once(example, table):
    def opened(batches):
        import medlar

        made = medlar._makers.make
        before = made.cache_info().misses
        rows = sum(len(frame) for frame in example.findings_of(batches))
        yield pandas.DataFrame({"process": [os.getpid()], "opened": [made.cache_info().misses - before], "rows": [rows]})

    seen = table.mapInPandas(opened, "process long, opened long, rows long").collect()
    assert sum(row.rows for row in seen) >= 37  # a gene in each note of a mutation
    opened_by = Counter()
    for row in seen:
        opened_by[row.process] += row.opened
    assert os.getpid() not in opened_by
    assert len(opened_by) < len(seen)  # workers that had several tasks
    assert max(opened_by.values()) <= 1
