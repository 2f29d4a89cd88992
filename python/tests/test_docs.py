"""What the documentation shows is what happens."""

import doctest
import re

import medlar


def test_docstrings(in_checkout):
    result = doctest.testmod(medlar)
    assert result.attempted >= 4
    assert result.failed == 0


def test_guide(in_checkout, capsys):
    guide = (in_checkout / "docs/guide/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    names = {}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    for promised in re.findall(r"print\(done\.text\)  # (.*)", guide):
        assert promised in printed
