"""Source files to break things with: small modules of plausible Python, a function of a seed."""

from __future__ import annotations

from random import Random

__all__ = ["QUERIES", "module", "modules"]

_NOUNS = "account invoice cursor socket budget parcel ledger packet window session planet bridge tunnel harvest kernel signal".split()
_VERBS = "open close parse merge render validate collect retry schedule encode flush resolve attach migrate".split()

QUERIES = (
    "where are invoices merged",
    "retry a socket session",
    "validate_ledger",
    "LedgerBudget.parse",
    "schedule the harvest of a planet",
    "how are packets encoded and flushed",
)


def module(random: Random) -> str:
    """One module: a docstring, two functions, a class."""
    nouns = random.sample(_NOUNS, 4)
    verbs = random.sample(_VERBS, 4)
    return (
        f'"""How {nouns[0]}s {verbs[0]} their {nouns[1]}s."""\n\nimport {nouns[2]}\n\n\n'
        f"def {verbs[0]}_{nouns[0]}({nouns[1]}, limit={random.randrange(1000)}):\n"
        f'    """{verbs[0].title()} one {nouns[0]} until the {nouns[1]} is done."""\n'
        f"    for step in range(limit):\n        {nouns[1]}.{verbs[1]}({nouns[2]}, step)\n    return {nouns[0]!r}\n\n\n"
        f"class {nouns[0].title()}{nouns[3].title()}:\n"
        f"    # keeps a {nouns[3]} beside its {nouns[0]}\n    def {verbs[2]}(self, value):\n"
        f"        return self.{nouns[3]}.{verbs[3]}(value, {random.randrange(10**6)})\n\n"
        f"    def {verbs[3]}(self):\n        return {verbs[0]}_{nouns[0]}(self.{nouns[3]})\n"
    )


def modules(count: int, seed: int = 0, folder: str = "src") -> dict[str, str]:
    """Path → text of `count` modules in folders of twenty."""
    random = Random(seed)
    return {f"{folder}/part{i // 20:02}/unit{i:04}.py": module(random) for i in range(count)}
