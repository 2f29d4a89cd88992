import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import medlar

NOTE = """Née 1950, opérée 😀.

Assessment: Denies chest pain. Asthma, on salbutamol 100 mcg twice daily.
Labs: potassium 3.2 mmol/L.
"""
LETTER = "Patient: Anna Kowalska, née 03/04/2021 😀, MRN: 00123456.\nDr. Brandt called Anna."


def parts_of(text: str, spans) -> list:
    return [(span.label, text[span.begin : span.end]) for span in spans]


def test_spans_index_the_str():
    spans = medlar.analyze(NOTE, model=None)
    assert ("symptom", "chest pain") in parts_of(NOTE, spans)
    assert ("disease", "Asthma") in parts_of(NOTE, spans)
    assert [span.begin for span in spans] == sorted(span.begin for span in spans)
    pain = next(span for span in spans if span.label == "symptom")
    assert pain.attributes["assertion"] == "negated"
    assert pain.score == 1.0


def test_the_model_that_ships_finds_more():
    text = "A mutation of BRCA1 in the tumour."
    assert medlar.analyze(text, model=None) == []
    spans = medlar.analyze(text)
    assert ("gene", "BRCA1") in parts_of(text, spans)
    assert any(span.producer.startswith("model") for span in spans)
    assert medlar.Reader(threads=1).analyze(text) == spans


def test_a_date_to_count_from():
    text = "Fell 3 days ago."
    dates = [span.attributes["date"] for span in medlar.analyze(text, model=None, note_date="2024-03-10")]
    assert dates == ["2024-03-07"]
    with pytest.raises(medlar.Error) as caught:
        medlar.analyze(text, model=None, note_date="yesterday")
    assert caught.value.code == "invalid_argument"


def test_deidentified_offsets_index_both_texts():
    done = medlar.deidentify(LETTER)
    assert done.text == "Patient: [PATIENT], née [DATE] 😀, MRN: [MEDICALRECORD].\nDr. [DOCTOR] called [PATIENT]."
    assert parts_of(LETTER, done.redactions) == [
        ("PATIENT", "Anna Kowalska"),
        ("DATE", "03/04/2021"),
        ("MEDICALRECORD", "00123456"),
        ("DOCTOR", "Brandt"),
        ("PATIENT", "Anna"),
    ]
    assert [done.text[r.written_begin : r.written_end] for r in done.redactions] == [
        f"[{r.label}]" for r in done.redactions
    ]


def test_the_report_holds_no_word_of_the_text():
    report = medlar.deidentify(LETTER).report
    assert len(report["hipaa"]) == 18
    assert report["labels"]["PATIENT"] == 2
    assert "Kowalska" not in str(report)


def test_policies_methods_and_keys():
    assert "03/04/2021" in medlar.deidentify(LETTER, policy="limited_dataset").text
    assert medlar.deidentify(LETTER, method="remove").text.startswith("Patient: , née  😀")
    replaced = [
        medlar.deidentify(LETTER, method="replace", key="k", patient=patient).text for patient in ("a", "a", "b")
    ]
    assert replaced[0] == replaced[1] != replaced[2]
    assert "Kowalska" not in "".join(replaced)
    site = medlar.Deidentifier(site={"patterns": [{"label": "IDNUM", "pattern": "Q[0-9]{3}", "name": "bed"}]})
    assert site.deidentify("in Q123").text == "in [IDNUM]"


def test_errors_have_codes_and_no_text_of_a_record():
    def code_of(work) -> str:
        with pytest.raises(medlar.Error) as caught:
            work()
        assert "Kowalska" not in str(caught.value)
        return caught.value.code

    assert code_of(lambda: medlar.deidentify(LETTER, policy="none")) == "usage"
    assert code_of(lambda: medlar.deidentify(LETTER, method="burn")) == "usage"
    assert code_of(lambda: medlar.analyze(LETTER, model="/no/such/model")) == "not_found"
    for wrong in ("Kowalska \ud800", b"Kowalska", None):
        with pytest.raises(TypeError) as caught:
            medlar.deidentify(wrong)
        assert "Kowalska" not in str(caught.value)


def test_other_threads_run_while_a_note_is_read():
    long_note = NOTE * 10_000
    reader = medlar.Reader(model=None)
    times = []

    def read():
        times.append(time.perf_counter())
        reader.analyze(long_note)
        times.append(time.perf_counter())

    steps = []  # when this thread came to run
    thread = threading.Thread(target=read)
    thread.start()
    while thread.is_alive():
        steps.append(time.perf_counter())
        time.sleep(0.001)
    begin, end = times
    # In the second half the spans become objects of Python, for which its lock is held.
    assert sum(begin < step < (begin + end) / 2 for step in steps) > 10


def test_the_reader_is_made_once_for_all_threads():
    misses = medlar._makers.make.cache_info().misses
    with ThreadPoolExecutor(8) as pool:
        spans = list(pool.map(lambda _: medlar.analyze(NOTE, threads=1), range(32)))
    assert spans == [spans[0]] * 32
    assert medlar._makers.make.cache_info().misses == misses + 1


def spans_of_child(_) -> list:
    return medlar.analyze(NOTE, threads=2)


def test_a_forked_child_makes_its_own_reader():
    spans = medlar.analyze(NOTE, threads=2)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(spans_of_child, range(4)).get(timeout=60) == [spans] * 4
