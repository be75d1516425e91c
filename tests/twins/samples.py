"""Texts that both cores are given: hard ones, and real ones."""

from __future__ import annotations

import random
import site
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from tools import corpora

GOLDEN = Path(__file__).parents[1] / "golden" / "languages"

# Characters at which two readings of Unicode part: they compose, fold to several, are marks or digits that go on a word, letters without
# case, not assigned in the Unicode of the table, assigned since (15 to 17), private, no characters, halves of one.
SPLINTERS = (
    "aZz_09 \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u2028.:,;<=>`~^'\"#/*-%|![](){}\\@$&?+é\u0301\u0338\u0345\u0327\u0344\u0f73\u093c\u3099\u200d\ufe0f"
    "ßẞſİıΣςσǅǆŉΐﬃ①½²Ⅳª\u212a\u2126\u1e9b\u03d3中文龍\uf900\u4e00テストﾊﾟ한글\u1100\u1161\u11a8نم٣९नमस्ते"
    "\u0378\ua7cb\u1c89\U00010d50\U000105c9\U00011bc0\U0001e4d0\U0001d400\U0001f170\U0001d7d8\U00030000\U0002ebf0\U000e0100\U000e0041"
    "\ue000\ufffe\ufdd0\ufffd\U0010ffff\ud800\udfff\udc80"
)
characters = st.sampled_from(SPLINTERS) | st.characters() | st.sampled_from("aBcD_1 ")
texts = st.text(characters, max_size=60)


def noise(seed: int, count: int, longest: int = 14) -> list[str]:
    """Random words and half-words of ASCII, letters, marks and anything else."""
    draw = random.Random(seed)
    kinds = [SPLINTERS, "abcXYZ_09", "\u0300\u0301\u0308\u0323\u0338\u3099\u093c", None]

    def one() -> str:
        kind = draw.choice(kinds)
        return draw.choice(kind) if kind else chr(draw.randrange(0x110000) if draw.random() < 0.3 else draw.randrange(0x3100))

    return ["".join(one() for _ in range(draw.randrange(1, longest))) for _ in range(count)]


@cache
def real_files(count: int = 400) -> list[tuple[str, str]]:
    """(path, text) of real files: the pinned corpora, samples of every language, installed packages."""
    folders = [GOLDEN, *(corpora.root(name) for name in corpora.CORPORA), *map(Path, site.getsitepackages())]
    draw = random.Random(7)
    found = []
    for folder in folders:
        files = sorted(f for f in folder.rglob("*") if f.is_file() and f.suffix not in (".pyc", ".so") and 0 < f.stat().st_size < 100_000)
        for file in draw.sample(files, min(len(files), count // len(folders))):
            if b"\0" not in (data := file.read_bytes()):
                found.append((str(file.relative_to(folder)), data.decode("utf-8", "replace")))
    return found


def chunks(count: int = 400) -> list[tuple[str, list[str], str, str]]:
    """(text, symbols, enclosing, path) as a scan would cut them, near enough."""
    found = []
    for path, text in real_files(count):
        lines = text.split("\n")
        for start in range(0, len(lines), 40):
            piece = lines[start : start + 40]
            names = [word for line in piece for at, word in enumerate(line.split()) if at and line.split()[at - 1] in ("def", "class", "function")]
            found.append(("\n".join(piece), names[:9], names[0] if names and start % 3 else "", path))
    return found
