#!/usr/bin/env python3
"""tools/make_disease_ontology.py <folder> [file.obo ...]: the Disease Ontology (CC0, disease-ontology.org) as
src/clinical/data/disease_ontology.txt.

<folder> holds HumanDO.tsv (id, label, parent) and allXREFinDO.tsv (id, label, cross-reference) of a release's
DOreports; .obo files of the same release add their exact synonyms and say which release it is. One line a disease,
by its id, parts separated by tabs: number of the DOID, name, synonyms separated by "|", cross-references separated
by blanks: I (ICD-10-CM), S (SNOMED CT), M (MeSH), U (UMLS) before each code.
"""
import csv
import pathlib
import re
import sys

SYSTEMS = (("ICD10CM:", "I"), ("SNOMEDCT_US", "S"), ("MESH:", "M"), ("UMLS_CUI:", "U"))
TARGET = pathlib.Path(__file__).resolve().parent.parent / "src/clinical/data/disease_ontology.txt"


def short_code(reference):
    """"MESH:D003920" as "MD003920"; empty for systems that are left out."""
    for prefix, letter in SYSTEMS:
        if reference.startswith(prefix):
            return letter + reference.split(":", 1)[1].strip()
    return ""


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.reader(file, delimiter="\t")


def read_reports(folder):
    names, codes = {}, {}
    for identifier, name, *_ in list(rows(folder / "HumanDO.tsv"))[1:]:
        if identifier.startswith("DOID:") and not name.startswith("obsolete"):
            names[identifier] = name.strip()
    for identifier, _, reference in list(rows(folder / "allXREFinDO.tsv"))[1:]:
        code = short_code(reference)
        if identifier in names and code and " " not in code:
            codes.setdefault(identifier, set()).add(code)
    return names, codes


def read_obo(path, names, synonyms):
    """Adds exact synonyms; gives the release."""
    release, identifier = "", ""
    for line in open(path, encoding="utf-8"):
        if line.startswith("data-version:"):
            found = re.search(r"\d{4}-\d{2}-\d{2}", line)
            release = found.group(0) if found else ""
        elif line.startswith("id: "):
            identifier = line[4:].strip()
        elif line.startswith("synonym: ") and identifier in names:
            found = re.match(r'synonym: "((?:[^"\\]|\\.)*)" EXACT', line)
            if found:
                text = found.group(1).replace('\\"', '"')
                if "|" not in text and "\t" not in text and text != names[identifier]:
                    synonyms.setdefault(identifier, {})[text] = None
    return release


def main():
    names, codes = read_reports(pathlib.Path(sys.argv[1]))
    synonyms, releases = {}, set()
    for path in sys.argv[2:]:
        releases.add(read_obo(path, names, synonyms))
    with open(TARGET, "w", encoding="utf-8") as out:
        out.write(f"# Disease Ontology {' '.join(sorted(releases))}, CC0 1.0, disease-ontology.org.\n")
        out.write("# Made by tools/make_disease_ontology.py, which says what the columns are.\n")
        for identifier in sorted(names, key=lambda i: int(i[5:])):
            out.write("\t".join((identifier[5:], names[identifier], "|".join(synonyms.get(identifier, {})),
                                 " ".join(sorted(codes.get(identifier, ()))))) + "\n")
    print(f"{len(names)} diseases, {sum(map(len, synonyms.values()))} synonyms, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
