import json
import pickle
import threading
from pathlib import Path

import numpy
import pytest

import medlar


@pytest.fixture(scope="module")
def stories(checkout: Path) -> medlar.Model:
    return medlar.Model(checkout / "models/stories260K", threads=1)


def tensors_of(path: Path) -> dict:
    """The tensors of a safetensors file."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    kinds = {"F32": numpy.float32, "I64": numpy.int64}
    return {
        name: numpy.frombuffer(data[8 + size + entry["data_offsets"][0] : 8 + size + entry["data_offsets"][1]],
                               kinds[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in head.items()
        if name != "__metadata__"
    }


def test_says_what_the_program_says(stories: medlar.Model, checkout: Path):
    published = (checkout / "tests/cases/stories260K/greedy_200.txt").read_text()
    pieces = []
    assert stories.generate("", max_tokens=200, on_text=pieces.append) == published
    assert len(pieces) > 50
    assert "".join(pieces) == published


def test_sampling_repeats_itself(stories: medlar.Model):
    sampled = [stories.generate("The fox", max_tokens=20, temperature=1.0, top_k=40, seed=seed) for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]


def test_a_callback_ends_the_text_or_raises_through(stories: medlar.Model):
    pieces = []
    text = stories.generate("", on_text=lambda piece: pieces.append(piece) or len(pieces) < 3)
    assert text == "".join(pieces)
    assert len(pieces) == 3
    with pytest.raises(KeyError, match="mine"):
        stories.generate("", on_text=lambda piece: {}["mine"])
    assert stories.generate("", max_tokens=3) == stories.generate("", max_tokens=3)


def test_tokens_index_the_str(stories: medlar.Model):
    text = "Fièvre à 38,7 °C 😀!"
    tokens = stories.tokenize(text, add_special=False)
    assert stories.tokenize(text)[1:] == tokens
    assert tokens[-1].end == len(text)
    assert stories.detokenize(token.id for token in tokens) == text
    # The vocabulary lacks 😀 and has it byte by byte; still every character is told once.
    assert "".join(text[token.begin : token.end] for token in tokens) == text


def test_info(stories: medlar.Model):
    assert stories.info.family == "llama"
    assert stories.info.generates
    assert (stories.info.context, stories.info.dimensions) == (512, 64)


def test_embeds_as_the_reference(checkout: Path, tmp_path: Path):
    """The golden input as a text: a vocabulary in which a word stands for each of its ids."""
    golden = checkout / "tests/golden/roberta/pooled"  # BERT's own golden inputs are pairs of texts
    reference = tensors_of(golden / "golden.safetensors")
    ids = reference["ids_0"].tolist()
    rows = reference["last_hidden_state_0"]
    words = [f"w{i}" for i in range(json.loads((golden / "config.json").read_text())["vocab_size"])]
    assert ids.count(ids[0]) == ids.count(ids[-1]) == 1
    words[ids[0]], words[ids[-1]] = "[CLS]", "[SEP]"
    unused = (i for i in range(len(words)) if i not in ids)
    for special in ("[PAD]", "[UNK]", "[MASK]"):
        words[next(unused)] = special
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((golden / name).read_bytes())

    model = medlar.Model(tmp_path, threads=1)
    text = " ".join(words[i] for i in ids[1:-1])
    assert [token.id for token in model.tokenize(text)] == ids
    first = model.embed([text], pooling="cls", normalise=False)
    assert first.dtype == numpy.float32
    assert first.shape == (1, model.info.dimensions)
    numpy.testing.assert_allclose(first[0], rows[0], rtol=1e-4, atol=1e-5)
    both = model.embed([text, text.split()[0]])
    mean = rows.mean(axis=0)
    numpy.testing.assert_allclose(both[0], mean / numpy.linalg.norm(mean), rtol=1e-4, atol=1e-5)
    numpy.testing.assert_array_equal(model.embed([text])[0], both[0])
    assert model.embed([]).shape == (0, model.info.dimensions)


def test_entities_index_the_str(checkout: Path):
    model = medlar.Model("medlar-ner", threads=1)
    text = "Née 1950 😀: aspirin for migraine."
    found = model.entities(text, aggregation="first")
    assert [text[entity.begin : entity.end] for entity in found] == ["aspirin", "migraine"]
    assert [entity.label.lower() for entity in found] == ["chemical", "disease"]


def test_errors_have_codes_and_no_text_of_a_record(stories: medlar.Model, checkout: Path):
    def code_of(work) -> str:
        with pytest.raises(medlar.Error) as caught:
            work()
        assert str(caught.value) == caught.value.message != ""
        assert "Quirinius" not in str(caught.value)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (copy.code, copy.message) == (caught.value.code, caught.value.message)
        return caught.value.code

    assert code_of(lambda: medlar.Model("/no/such/model")) == "not_found"
    assert code_of(lambda: stories.generate("Quirinius", max_tokens=0)) == "invalid_argument"
    assert code_of(lambda: stories.embed(["Quirinius"])) == "unsupported"
    assert code_of(lambda: stories.embed(["Quirinius"], pooling="max")) == "usage"
    assert code_of(lambda: stories.entities("Quirinius")) == "unsupported"
    for wrong in (lambda: stories.embed("Quirinius"), lambda: stories.generate("Quirinius \ud800")):
        with pytest.raises(TypeError) as caught:
            wrong()
        assert "Quirinius" not in str(caught.value)


def test_threads_share_a_model(stories: medlar.Model):
    alone = stories.generate("The fox", max_tokens=20)
    texts = []
    threads = [threading.Thread(target=lambda: texts.append(stories.generate("The fox", max_tokens=20)))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [alone] * 4
