"""Open medical models on your own machine, without a network: clinical notes, de-identification, language models.

    >>> import medlar
    >>> [(span.label, span.attributes.get("assertion")) for span in medlar.analyze("Denies chest pain.", model=None)]
    [('symptom', 'negated')]
    >>> medlar.deidentify("Seen by Dr. Brandt.").text
    'Seen by Dr. [DOCTOR].'

The same question gets the same answer, bit for bit, on every machine. Offsets are those of a Python str:
text[span.begin:span.end] is what was found. Every function may be called from many threads; other Python threads run
while medlar works. What goes wrong raises medlar.Error, whose message never holds a text that was given to medlar.
"""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, Union

import numpy.typing

from . import _medlar

__all__ = [
    "Deidentified",
    "Deidentifier",
    "Entity",
    "Error",
    "Model",
    "ModelInfo",
    "Reader",
    "Redaction",
    "Span",
    "Token",
    "analyze",
    "deidentify",
]

# A file or folder, the name of a model that ships ("medlar-ner"), or None for rules alone.
ModelPath = Optional[Union[str, "os.PathLike[str]"]]


class Error(Exception):
    """What medlar could not do. `code` is one of a fixed list: usage, not_found, corrupt_file, unsupported,
    shape_mismatch, invalid_argument, limit_exceeded, out_of_memory, io, cancelled, failed_check, internal."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Span:
    """Something found in a note: text[begin:end]."""

    begin: int
    end: int
    label: str  # "disease", "symptom", "medication", "lab", "vital", "date", "age", or a model's own in small letters
    score: float  # in [0, 1]; 1 for a rule
    producer: str  # what found it
    # What is known of it: "assertion" (present, negated, possible, historical, hypothetical, family), "section",
    # "name", "code", "references", "dose", "value", "unit", "date", ...
    attributes: dict[str, str]


@dataclass(frozen=True)
class Redaction:
    """Something that says who it is, text[begin:end], and what became of it: new_text[written_begin:written_end]."""

    begin: int
    end: int
    label: str  # "PATIENT", "DATE", "MEDICALRECORD", ... (i2b2-2014)
    score: float  # in [0, 1]; 1 for a rule without doubt
    producer: str  # what found it
    action: str  # "mask", "remove", ..., or "keep" where the policy lets it stand
    written_begin: int
    written_end: int


@dataclass(frozen=True)
class Deidentified:
    """A text without who it is about. The report (policy, the eighteen rows of HIPAA, counts, digests) holds no word of
    it."""

    text: str
    redactions: list[Redaction]
    report: dict[str, Any]


class Token(NamedTuple):
    """A token and the part text[begin:end] that it came from; 0, 0 for one that was put around the text."""

    id: int
    begin: int
    end: int


@dataclass(frozen=True)
class Entity:
    """Something that a token classifier found: text[begin:end]."""

    begin: int
    end: int
    label: str
    score: float


@dataclass(frozen=True)
class ModelInfo:
    """What a loaded model is."""

    family: str  # "llama", "bert", ...
    generates: bool  # continues texts; False: an encoder or a classifier
    context: int  # tokens it was made for
    vocabulary: int
    layers: int
    dimensions: int  # width of the hidden states, and of a text's vector
    weight_bytes: int  # of all weights as held in memory


class Model:
    """One open model with its tokenizer: safetensors, PyTorch, GGUF, TensorFlow 1 or llama2.c, as published.

    >>> import medlar
    >>> medlar.Model("models/stories260K").generate("Once upon a time", max_tokens=6)
    ', there was a little g'

    `threads` = 0 takes all processors; no answer depends on it. A process that forks opens its models behind the fork.
    """

    def __init__(self, path: Union[str, "os.PathLike[str]"], *, threads: int = 0) -> None:
        self._model = _medlar.Model(_file_of(path), threads)
        self.info = ModelInfo(*self._model.info())

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        parse_special: bool = False,
        on_text: Optional[Callable[[str], Any]] = None,
    ) -> str:
        """The text that follows a prompt, without it. Temperature 0 takes the most likely token each time; otherwise a
        token is sampled among the `top_k` most likely (0: all) that together reach `top_p`. `on_text` gets each new
        piece; what it raises ends the generation, and so does False as its answer. It may not use the same model."""
        return self._model.generate(prompt, max_tokens, temperature, top_k, top_p, seed, parse_special, on_text)

    def tokenize(self, text: str, *, add_special: bool = True, parse_special: bool = False) -> list[Token]:
        """The tokens of a text; with `add_special` those that the model wants around it, with `parse_special` special
        tokens that are typed in it."""
        return [Token(*row) for row in self._model.tokenize(text, add_special, parse_special)]

    def detokenize(self, ids: Iterable[int]) -> str:
        """The text of token ids, without special tokens."""
        return self._model.detokenize(list(ids))

    def embed(
        self, texts: Sequence[str], *, pooling: Literal["mean", "cls"] = "mean", normalise: bool = True
    ) -> numpy.typing.NDArray[numpy.float32]:
        """Vectors of texts by an encoder: float32 [len(texts), info.dimensions], of length 1 if `normalise`. A text
        beyond the model's context is cut to it."""
        if pooling not in ("mean", "cls"):
            raise Error("usage", "a pooling is mean or cls")
        return self._model.embed(texts, pooling == "cls", normalise)

    def entities(
        self, text: str, *, aggregation: Literal["none", "simple", "first", "average", "max"] = "simple"
    ) -> list[Entity]:
        """What a token classifier finds in a text of any length, put together from tokens as the transformers pipeline
        does."""
        return [Entity(*row) for row in self._model.entities(text, aggregation)]


class Reader:
    """Reads clinical notes by rules and dictionaries, and by a token classifier unless `model` is None. To be made
    once: opening a model takes longer than reading a note."""

    def __init__(self, model: ModelPath = "medlar-ner", *, threads: int = 0) -> None:
        self._reader = _medlar.Reader(None if model is None else _file_of(model), threads)

    def analyze(self, text: str, *, note_date: str = "") -> list[Span]:
        """The findings of a note by their begin, none over another. `note_date` is the ISO 8601 day that "3 days ago"
        counts from; without it a heading of the note says it."""
        return [Span(*row) for row in self._reader.analyze(text, note_date)]


class Deidentifier:
    """Takes out of texts who they are about, by rules, and by a token classifier unless `model` is None.

    Policies: hipaa_safe_harbor, limited_dataset, gdpr_pseudonymization, strict. Methods: mask, remove, replace, hash,
    shift_dates; "" is the policy's own. `key` is the secret behind hashes, invented values and shifts; without one,
    hashes are of this object alone, and invented values and shifts of a public seed. `site` is what a site knows of its
    records, as in `medlar deid --site`. Fails closed: on any error there is no output.
    """

    def __init__(
        self,
        policy: str = "hipaa_safe_harbor",
        method: str = "",
        *,
        key: str = "",
        site: Optional[dict[str, Any]] = None,
        model: ModelPath = "medlar-deid",
        threads: int = 0,
    ) -> None:
        rules = "" if site is None else json.dumps(site)
        file = None if model is None else _file_of(model)
        self._deidentifier = _medlar.Deidentifier(policy, method, key, rules, file, threads)

    def deidentify(self, text: str, *, patient: str = "") -> Deidentified:
        """`patient` names whose record it is: the same patient gets the same values and shift."""
        new_text, rows, report = self._deidentifier.deidentify(text, patient)
        return Deidentified(new_text, [Redaction(*row) for row in rows], json.loads(report))


def analyze(text: str, *, note_date: str = "", model: ModelPath = "medlar-ner", threads: int = 0) -> list[Span]:
    """The findings of a clinical note: what, where, and what is said of them. See Reader; the model is opened at the
    first call and kept."""
    return _kept(Reader, model, threads=threads).analyze(text, note_date=note_date)


def deidentify(
    text: str,
    *,
    policy: str = "hipaa_safe_harbor",
    method: str = "",
    key: str = "",
    patient: str = "",
    model: ModelPath = "medlar-deid",
    threads: int = 0,
) -> Deidentified:
    """A text without who it is about. See Deidentifier."""
    kept = _kept(Deidentifier, policy, method, key=key, model=model, threads=threads)
    return kept.deidentify(text, patient=patient)


def _file_of(model: Union[str, "os.PathLike[str]"]) -> str:
    """Where a model is: in this package for the bare name of one that ships with it, else the path itself."""
    path = os.fspath(model)
    shipped = Path(__file__).parent / "models" / path / f"{path}.gguf"
    return str(shipped) if os.sep not in path and shipped.is_file() else path


class _Makers:
    """What the functions of the module made: a few of the last, each made once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.make = functools.lru_cache(maxsize=8)(lambda kind, *args, **options: kind(*args, **options))


_makers = _Makers()


def _kept(kind: Any, *args: Any, **options: Any) -> Any:
    makers = _makers
    with makers.lock:
        return makers.make(kind, *args, **options)


def _after_fork() -> None:
    """A child has none of the threads that its parent's models wait for: it makes its own and never ends those."""
    global _makers
    _medlar.keep_for_good(_makers)
    _makers = _Makers()


os.register_at_fork(after_in_child=_after_fork)
