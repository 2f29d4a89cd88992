#!/usr/bin/env python3
"""Invents clinical notes and everyday text with what identifies in them labelled: the data of medlar-deid.

    tools/make_deid_notes.py --out build/deid_notes --tokens 1000000 --seed 1 \
        --literature FOLDER --templates presidio_templates.txt

Writes train.jsonl and devel.jsonl, an object a line: {"text", "entities": [{"start", "end", "label"}]}, offsets in code
points, labels of i2b2-2014. The same seed gives the same bytes. Layouts are those of deid_notes/layouts.txt, words
those of deid_notes/words.txt and of src/clinical/data. Layouts and names of devel are kept out of train. The literature (CC
BY articles, optional) gives sentences without names, the templates (optional) text with {{slots}}.
"""

import argparse
import json
import random
import re
from pathlib import Path

import deid_values

HERE = Path(__file__).parent
LISTS = HERE.parent / "src/clinical/data"


def read_words():
    classes = {}
    for line in (HERE / "deid_notes/words.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, members = line.split(":", 1)
            classes[name] = [member.replace("#", " ") for member in members.split()]
    for name in ("given_names", "family_names", "cities", "countries", "states", "facilities", "eponyms"):
        lines = (LISTS / f"{name}.txt").read_text().splitlines()
        classes[name] = [line for line in lines if line and not line.startswith("#")]
    medicines = [line for line in (LISTS / "medications.txt").read_text().splitlines() if line[:1] not in ("#", "")]
    classes["drug"] = [line.split(":")[0] for line in medicines]
    findings = [line for line in (LISTS / "findings.txt").read_text().splitlines() if line[:1] not in ("#", "[", "")]
    classes["finding"] = [word.strip() for line in findings for word in re.split("[:|]", line) if "=" not in word]
    diseases = (LISTS / "disease_synonyms.txt").read_text().splitlines()
    classes["disease"] = [w.strip(" =") for line in diseases if line[:1] not in ("#", "")
                          for w in re.split("[:|]", line)]
    ontology = [line.split("\t")[1] for line in (LISTS / "disease_ontology.txt").read_text().splitlines()
                if not line.startswith("#")]
    classes["rare_disease"] = [name for name in ontology if len(name) < 40]
    labs = [line.split("|") for line in (LISTS / "labs.txt").read_text().splitlines() if line.count("|") > 3]
    classes["lab"] = [name.strip(" =") for row in labs for name in row[4].split(",")]
    return classes


def read_layouts():
    rules, name = {}, None
    for line in (HERE / "deid_notes/layouts.txt").read_text().splitlines():
        if line.startswith("@"):
            name = line[1:]
            rules[name] = []
        elif line and not line.startswith("# "):
            rules[name].append(parsed(line))
    return rules


TOKEN = re.compile(r"\{[^{}]*\}|<[a-z0-9]+>|[\[\]|]|[^{}<\[\]|]+|[<{}]")


def parsed(line):
    """A layout as a list of (kind, value): text, slot, rule, or choice with a list of lists."""
    stack = [[[]]]
    for token in TOKEN.findall(line):
        if token == "[":
            stack.append([[]])
        elif token == "]" and len(stack) > 1:
            choice = stack.pop()
            stack[-1][-1].append(("choice", choice))
        elif token == "|" and len(stack) > 1:
            stack[-1].append([])
        elif token[0] == "{" and len(token) > 1:
            stack[-1][-1].append(("slot", token[1:-1]))
        elif token[0] == "<" and len(token) > 1:
            stack[-1][-1].append(("rule", token[1:-1]))
        else:
            text = token.replace("\\n", "\n").replace("\\t", "\t").replace("¦", "|").replace("\\\\", "\\")
            stack[-1][-1].append(("text", text))
    assert len(stack) == 1, line
    return stack[0][0]


class Writer:
    """Fills layouts; what it writes is a list of (text, label or None)."""

    def __init__(self, rng, rules, words, part):
        self.rng, self.rules, self.part = rng, rules, part
        self.values = deid_values.Values(rng, words, part)

    def alternatives(self, rule):
        layouts = self.rules[rule]
        if rule not in ("phi", "plain"):
            return layouts
        if rule == "phi":  # a rule that stands for a kind of note is never kept out as a whole
            kept = [l for i, l in enumerate(layouts) if len(l) == 1 or (i % 5 == 4) == (self.part == "devel")]
            return kept
        return [l for i, l in enumerate(layouts) if (i % 5 == 4) == (self.part == "devel")]

    def expand(self, layout, out):
        for kind, value in layout:
            if kind == "text":
                out.append((value, None))
            elif kind == "slot":
                out.extend(self.values.slot(value))
            elif kind == "choice":
                self.expand(self.rng.choice(value), out)
            else:
                self.expand(self.held(value), out)

    def held(self, rule):
        """An alternative; of long lists, every seventh is kept for devel."""
        layouts = self.alternatives(rule)
        if rule in ("phi", "plain") or len(layouts) < 7:
            return self.rng.choice(layouts)
        return self.rng.choice([l for i, l in enumerate(layouts) if (i % 7 == 3) == (self.part == "devel")])

    def document(self, layout):
        self.values.new_document()
        out = []
        self.expand(layout, out)
        return out


def noisy(rng, pieces):
    """Typing errors, misread letters, lost capitals and line ends, inside pieces so that labels stay true."""
    how = rng.random()
    if how < 0.55:
        return pieces
    if how < 0.62:
        return [(text.lower(), label) for text, label in pieces]
    if how < 0.67:
        return [(text.upper() if len(text.upper()) == len(text) else text, label) for text, label in pieces]
    if how < 0.75:  # run-on lines
        return [(re.sub(r"\s*\n\s*", rng.choice([" ", "  ", ", "]), text) if label is None else text, label)
                for text, label in pieces]
    if how < 0.83:  # no punctuation
        return [(re.sub(r"[.,;:](?=\s|$)", "", text) if label is None else text, label) for text, label in pieces]
    rate = 0.004 if how < 0.95 else 0.015
    return [("".join(damaged(rng, text, rate)), label) for text, label in pieces]


MISREAD = {"l": "1", "O": "0", "0": "O", "1": "l", "m": "rn", "e": "c", "S": "5", "i": "l", "B": "8"}


def damaged(rng, text, rate):
    for c in text:
        draw = rng.random()
        if draw > rate or not c.isalnum():
            yield c
        elif draw < rate * 0.3:
            continue
        elif draw < rate * 0.6:
            yield c + c
        elif draw < rate * 0.8:
            yield MISREAD.get(c, c)
        else:
            yield rng.choice("abcdefghijklmnopqrstuvwxyz")


def record(pieces):
    text, entities = "", []
    for piece, label in pieces:
        inner = piece.strip()
        if label and inner:
            begin = len(text) + piece.index(inner)
            end = begin + len(inner)
            between = text[entities[-1]["end"]:] + piece[:piece.index(inner)] if entities else ""
            same = entities and entities[-1]["label"] == label
            if same and between == " " and label in ("PATIENT", "DOCTOR"):  # a name in two slots is one
                entities[-1]["end"] = end
            else:
                entities.append({"start": begin, "end": end, "label": label})
        text += piece
    return {"text": text, "entities": entities}


SLOTS = {
    "person": "p:full", "name": "p:full", "name_male": "p:full", "name_female": "p:full", "first_name": "p:first",
    "first_name_male": "p:first", "first_name_female": "p:first", "first_name_nonbinary": "p:first",
    "last_name": "p:last", "last_name_male": "p:last", "last_name_female": "p:last", "address": "address",
    "street_name": "street:name", "building_number": "building", "secondary_address": "unit", "city": "city",
    "country": "country", "state_abbr": "state:abbr", "zipcode": "zip", "postcode": "zip", "phone_number": "phone",
    "email": "email", "url": "url", "iban": "iban", "ip_address": "ip", "ssn": "ssn", "credit_card_number": "card",
    "us_driver_license": "license", "organization": "org", "job": "profession", "date_of_birth": "date",
    "date_time": "date", "year": "year", "age": "age", "prefix": "prefix", "prefix_male": "prefix", "prefix_female": "prefix",
    "nationality": "nationality", "nation_woman": "nationality", "nation_plural": "nationality",
    "day_of_week": "weekday"}


def read_templates(path):
    """Layouts of text with {{slots}}; each slot of a person is another person."""
    layouts = []
    for line in Path(path).read_text(errors="ignore").splitlines():
        layout, person = [], 1
        for part in re.split(r"(\{\{\w+\}\})", line):
            if not part.startswith("{{"):
                layout.append(("text", part.replace("\\n", "\n").replace("\\,", ",")))
                continue
            slot = SLOTS[part[2:-2]]
            if slot.startswith("p:"):
                slot, person = f"p{person}:{slot[2:]}", person + 1
            layout.append(("slot", slot))
        layouts.append(layout)
    return layouts


def plain_sentences(folder, words, rng):
    """Sentences of articles without a capital that may be a name, a place or a date."""
    names = set(words["given_names"]) | set(words["family_names"]) | set(words["countries"]) | set(words["cities"])
    names |= {n.split()[0] for n in words["countries"] + words["cities"] + words["facilities"]}
    names |= set(deid_values.MONTHS) | {m[:3] for m in deid_values.MONTHS}
    allowed = set(words["eponyms"])
    refused = re.compile(r"et al|https?:|www|Universit|Hospital|Institut|@|Ltd|Inc\b|[A-Z]\. ?[A-Z]")
    sentences = []
    files = sorted(Path(folder).glob("PMC*.txt"))
    for path in rng.sample(files, min(400, len(files))):
        for sentence in re.split(r"(?<=[.?!])\s+(?=[A-Z])", path.read_text(errors="ignore")[2000:30000]):
            if not 60 < len(sentence) < 400 or refused.search(sentence) or "\n" in sentence:
                continue
            capitals = {w.lower() for w in re.findall(r"\b[A-Z][a-z]+", sentence[1:])}
            if not (capitals - allowed) & names:
                sentences.append(sentence)
    return sentences


def write(path, rng, writer, sources, tokens):
    """About `tokens` word pieces (1.35 a word or mark) of documents drawn from the sources by weight."""
    weights = [weight for weight, _ in sources]
    done = 0
    with open(path, "w", encoding="utf-8") as file:
        while done < tokens:
            pieces = rng.choices(sources, weights)[0][1]()
            entry = record(noisy(rng, pieces))
            done += 1.35 * len(re.findall(r"\w+|[^\w\s]", entry["text"]))
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="build/deid_notes")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--devel-tokens", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--literature")
    parser.add_argument("--templates")
    arguments = parser.parse_args()
    words, rules = read_words(), read_layouts()
    Path(arguments.out).mkdir(parents=True, exist_ok=True)
    for part, tokens in (("train", arguments.tokens), ("devel", arguments.devel_tokens)):
        rng = random.Random(f"{part} {arguments.seed}")
        writer = Writer(rng, rules, words, part)
        sources = [(0.66, lambda: writer.document(writer.held("phi"))),
                   (0.34, lambda: writer.document(writer.held("plain")))]
        if arguments.templates and part == "train":
            templates = read_templates(arguments.templates)
            sources.append((0.25, lambda: writer.document(rng.choice(templates))))
        if arguments.literature:
            sentences = plain_sentences(arguments.literature, words, rng)
            sources.append((0.08, lambda: [(" ".join(rng.sample(sentences, rng.randint(1, 3))), None)]))
        write(Path(arguments.out) / f"{part}.jsonl", rng, writer, sources, tokens)


if __name__ == "__main__":
    main()
