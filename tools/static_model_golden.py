"""Write `tests/golden/static_model.json`: what the reference makes of some hard texts, for groma's tokenizer to match.

The reference is model2vec 0.10 with the tokenizers library, given the table that groma ships. Neither is a dependency
of groma, so this runs by hand, in an environment of its own, whenever the model folder or the texts below change:

    uv venv /tmp/peer && uv pip install -p /tmp/peer model2vec==0.10.0
    PYTHONPATH=src /tmp/peer/bin/python tools/static_model_golden.py write REFERENCE

REFERENCE is a model2vec folder: the tokenizer.json of the same distillation (see `tools/distill_static.py compare`).
A wider check, over chunks and lines of whatever source files lie under some folders, keeps nothing:

    PYTHONPATH=src /tmp/peer/bin/python tools/static_model_golden.py wide REFERENCE FOLDER...
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from model2vec import StaticModel  # type: ignore[import-not-found]
from tokenizers import Tokenizer  # type: ignore[import-not-found]

from groma._pure import static_model

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "src" / "groma" / "models" / "static-minilm-256"
GOLDEN = ROOT / "tests" / "golden" / "static_model.json"
COMPONENTS = 8  # of each vector are kept; a wrong token moves them all
WIDE_CHARACTERS = 900  # of a chunk
TOLERANCE = 1e-5

TEXTS: tuple[str, ...] = (
    # nothing, and nothing but what is dropped
    "",
    " ",
    "\t\r\n",
    "\x00\x01\x7f",
    "\ufeff",
    "\u200b\u200d",
    "!",
    "\ue000",
    # prose and code
    "where is the access token refreshed?",
    'def refresh_token(self, *, force: bool = False) -> Token:\n    """Refresh the token if it is about to expire."""',
    "public static final Map<String, List<HttpServletRequest>> REQUESTS_BY_ID = new ConcurrentHashMap<>();",
    "#define MAX(a,b) (((a)>(b))?(a):(b)) /* 0xDEADBEEF */",
    "fn into_iter<'a, T: 'a + Send>(self) -> impl Iterator<Item = &'a T> { self.0.iter().rev() }",
    "SELECT u.id, COUNT(*) FROM users u LEFT JOIN orders o ON o.user_id=u.id GROUP BY 1 HAVING COUNT(*)>=10;",
    "ＦＵＬＬ　ＷＩＤＴＨ ﬁligree ²³ ½ Ⅷ ①",
    # accents, composed and not; case that is more than a flag
    "Crème Brûlée à la façon de Noël",
    "Cre\u0300me Bru\u0302le\u0301e",
    "naïve Zoë's Ångström ÅNGSTRÖM",
    "Straße STRASSE ẞ",
    "İstanbul ISTANBUL ıI Iı",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ σας",
    "ΑΘΗΝΑ Ἀθῆναι ᾳ ᾼ",
    "Đặng Thị Thuỳ Trâm",
    "Łódź źdźbło ﬀ",
    "\u0301\u0301 a\u0301",
    "ǅ ǆ Ǆ",
    "K Å Ω",
    # Cyrillic, Hebrew, Arabic, Indic, Thai
    "Привет, мир! Объявление ёлки и Йод",
    "ЗДРАВСТВУЙТЕ здравствуйте",
    "שָׁלוֹם עולם",
    "مرحبا بالعالم، كيف حالك؟",
    "नमस्ते दुनिया। क्या हाल है",
    "தமிழ் மொழி",
    "สวัสดีชาวโลก",
    # Chinese, Japanese, Korean; ideographs outside the first plane and the reference's own hole in extension E
    "中文字符在代码里",
    "取得 token 并刷新缓存 refresh",
    "日本語のコメント、カタカナ。ガギグ ﾊﾟ",
    "한국어 주석 각",
    "豈更車賈滑",
    "𠀀𪜀𫝀",
    "\U0002b820a\U0002ceb0",
    "〇々〆",
    # emoji and symbols; new ones stay in their word
    "fix 🐛 in parser 🎉",
    "👨‍👩‍👧‍👦 👍🏽 🇩🇪",
    "ok🫨 🪿",
    "a≠b ≤ ≥ → ⇒ ∀x∈ℝ",
    "≮≯ ; · ´ ¨",
    "© ® ™ € £ ¥ $",
    "“quoted” ‘single’ — dash – … «guillemets»",
    "foo⹃bar ⸺ ⁀ ᙭",
    # spaces of all kinds
    "a\u00a0b\u2003c\u3000d\u2028e\u2029f\u1680g",
    "a\x0bb\x0cc\x1cd\x85e",
    "zero\u200bwidth\u2060joiner soft\u00adhyphen",
    # controls inside words, replacement character, unassigned and private code points
    "to\x00ken re\x07fresh\x1b[31mred\x1b[0m",
    "bad\ufffdbyte",
    "\u0378x x\u0379 \uffff",
    "\U000e0001tag \uf8ff",
    # the reference's own words
    "[PAD] [UNK] [CLS] [SEP] [MASK]",
    "x[PAD]y[UNK][UNK]z",
    "[[PAD]]",
    "[pad] [PAD [UNKNOWN]",
    "[ PAD ] PAD] ]",
    "##ing ing ##",
    # long words
    "a" * 100,
    "a" * 101,
    "é" * 100 + " " + "é" * 101,
    "x\x00" * 100 + " y",
    "internationalization" * 5,
    "internationalization" * 5 + "s",
    "0123456789" * 12,
    "pneumonoultramicroscopicsilicovolcanoconiosis floccinaucinihilipilification",
    # past the bounds: characters first, then tokens
    "word " * 700,
    "(" * 600 + " after",
    "[UNK] " * 400 + "known",
    "\u4e2d" * 600 + " after",
    "é " * 513,
    "long-tail " * 307 + "cut off here",
)


def main() -> None:
    """Run the verb of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("verb", choices=("write", "wide"))
    parser.add_argument("reference", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    arguments = parser.parse_args()
    table = np.load(FOLDER / "table.npy")
    tokenizer = Tokenizer.from_file(str(arguments.reference / "tokenizer.json"))
    reference = StaticModel(vectors=table, tokenizer=tokenizer, normalize=True)
    if arguments.verb == "write":
        write(reference)
    else:
        wide(reference, list(texts_under(arguments.folders)))


def write(reference: StaticModel) -> None:
    """Write the golden file."""
    ids = reference_ids(reference, TEXTS)
    vectors = reference.encode(list(TEXTS))
    rows = [
        {"text": text, "ids": tokens, "vector": [round(float(x), 7) for x in vector[:COMPONENTS]]}
        for text, tokens, vector in zip(TEXTS, ids, vectors, strict=True)
    ]
    head = {
        "made_by": "tools/static_model_golden.py (model2vec 0.10.0, tokenizers)",
        "model": static_model.load(FOLDER).id,
    }
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
    GOLDEN.write_text(json.dumps(head)[:-1] + ', "texts": [\n' + lines + "\n]}\n", "utf-8", newline="\n")
    print(f"{len(rows)} texts -> {GOLDEN.relative_to(ROOT)}")


def reference_ids(reference: StaticModel, texts: Sequence[str]) -> list[list[int]]:
    """Token ids as the reference's encoder sees them, before it leaves the unknown ones out."""
    cut = 512 * reference.median_token_length
    encodings = reference.tokenizer.encode_batch_fast([text[:cut] for text in texts], add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


def texts_under(folders: Sequence[Path]) -> Iterator[str]:
    """Chunks of about 900 characters of every UTF-8 file, one of its lines, and every line of it beyond ASCII."""
    choose = random.Random(7)
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if not file.is_file() or ".git" in file.parts or file.stat().st_size > 300_000:
                continue
            try:
                text = file.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                continue
            for start in range(0, len(text), WIDE_CHARACTERS):
                yield text[start : start + WIDE_CHARACTERS]
            lines = text.splitlines() or [""]
            yield choose.choice(lines)
            yield from (line for line in lines if not line.isascii())


def wide(reference: StaticModel, texts: list[str]) -> None:
    """Compare tokens and vectors of all texts; exit 1 at any difference."""
    ours = static_model.load(FOLDER)
    beyond_ascii = sum(not text.isascii() for text in texts)
    other_tokens: list[str] = []
    furthest = 0.0
    for start in range(0, len(texts), 1024):
        part = texts[start : start + 1024]
        for text, ids in zip(part, reference_ids(reference, part), strict=True):
            if static_model.tokenize(ours, text) != ids:
                other_tokens.append(text)
        theirs: npt.NDArray[np.float32] = reference.encode(part)
        furthest = max(furthest, float(np.abs(static_model.embed(ours, part) - theirs).max()))
    print(f"{len(texts):,} texts ({beyond_ascii:,} beyond ASCII): {len(other_tokens)} with other tokens; components differ by at most {furthest:.1e}")
    for text in other_tokens[:10]:
        print(f"  {text[:200]!r}")
    if other_tokens or furthest > TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    main()
