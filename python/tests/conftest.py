import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder with models/, docs/ and tests/ of medlar."""
    return Path(__file__).parents[2]


@pytest.fixture
def in_checkout(checkout: Path):
    """Runs a test where the documentation's relative paths lead somewhere."""
    before = Path.cwd()
    os.chdir(checkout)
    yield checkout
    os.chdir(before)
