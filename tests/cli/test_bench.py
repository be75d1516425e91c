"""`groma bench`: which subjects can be asked, the metrics, and the verb on real repositories of git."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from groma import core
from groma._pure.languages import all_languages
from groma.cli.bench import NOT_SOURCE, Commit, difference, question_of, score, summary, words


@pytest.mark.parametrize(
    ("subject", "query"),
    [
        ("Retry the upload when a token expires", "Retry the upload when a token expires"),
        ("feat(upload)!: retry when a token expires (#123)", "retry when a token expires"),
        ("fix: ABC-12: close sockets of dead peers", "close sockets of dead peers"),
        ("[PROJ-7] Close sockets of dead peers", "Close sockets of dead peers"),
        ("PROJ-7 Close sockets of dead peers", "Close sockets of dead peers"),
        ("Close sockets of dead peers, fixes #99", "Close sockets of dead peers"),
        ("#99: Close sockets of dead peers", "Close sockets of dead peers"),
        (":bug: Close sockets of dead peers", "Close sockets of dead peers"),
        ("UTF-8 names of files are kept", "UTF-8 names of files are kept"),
        ("Support SHA-256 in the index reader", "Support SHA-256 in the index reader"),
        ("net/http: close sockets of dead peers", "net/http: close sockets of dead peers"),
        ("Retry (3) times before giving up", "Retry (3) times before giving up"),
        ("Release the lock before waiting for a child", "Release the lock before waiting for a child"),
        ("Version negotiation falls back to plain text", "Version negotiation falls back to plain text"),
        ("修复连接超时", "修复连接超时"),
    ],
)
def test_a_telling_subject_is_asked_without_its_tickets(subject: str, query: str) -> None:
    assert question_of(Commit(subject, "A. Developer <a@example.org>", ())) == (query, "")


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ('Revert "Retry the upload when a token expires"', "revert"),
        ("revert: retry the upload when a token expires", "revert"),
        ("fixup! Retry the upload when a token expires", "unfinished"),
        ("WIP on the new upload protocol", "unfinished"),
        ("Bump urllib3 from 1.26 to 2.0", "version bump"),
        ("chore(deps): update dependency ruff to v0.5", "version bump"),
        ("Release version 2.1.0 of the client", "version bump"),
        ("v2.1.0", "version bump"),
        ("Prepare for the next development iteration", "version bump"),
        ("Fix typo in the error of the parser", "typo"),
        ("Fix tests", "too short"),
        ("fix: #123", "too short"),
        ("1 2 3 4", "too short"),
    ],
)
def test_a_subject_that_tells_nothing_is_left_out(subject: str, reason: str) -> None:
    assert question_of(Commit(subject, "A. Developer <a@example.org>", ())) == ("", reason)


def test_bots_are_left_out() -> None:
    author = "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>"
    assert question_of(Commit("Make the upload much faster", author, ())) == ("", "bot")


def test_words_are_split_like_text() -> None:
    assert words("Close HttpClient.send on 404s") == ["close", "httpclient", "send", "on", "404s"]
    assert words("修复 socket") == ["修", "复", "socket"]


def test_what_is_no_source_agrees_with_the_table_of_languages() -> None:
    assert {language.name for language in all_languages().values() if language.kind != "code"} == NOT_SOURCE


def test_score_of_hand_made_lists() -> None:
    answers = frozenset({"a", "b"})
    assert score(["a", "b"], answers) == {"ndcg@10": 1.0, "mrr": 1.0, "recall@5": 1.0, "recall@10": 1.0}
    assert score([], answers) == {"ndcg@10": 0.0, "mrr": 0.0, "recall@5": 0.0, "recall@10": 0.0}
    found = score(["x", "a", "a", "y", "z", "w", "v", "b"], answers)  # the second `a` takes no place: b is seventh
    ideal = 1 + 1 / math.log2(3)
    assert found["ndcg@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(8)) / ideal)
    assert (found["mrr"], found["recall@5"], found["recall@10"]) == (0.5, 0.5, 1.0)
    assert score([*"0123456789", "a"], answers)["recall@10"] == 0.0


def test_summary_and_difference() -> None:
    rows = [score(["a"], frozenset({"a"})), score(["b"], frozenset({"a"}))]
    assert summary(rows, [1.0, 3.0]) == {"ndcg@10": 0.5, "mrr": 0.5, "recall@5": 0.5, "recall@10": 0.5, "p50_ms": 2.0, "p95_ms": 3.0}
    assert difference([0.5, 0.0]) == {"ndcg@10": 0.25, "low": None, "high": None}
    found = difference([0.0, 1.0] * 50)
    assert found["ndcg@10"] == 0.5
    assert found["low"] == pytest.approx(0.5 - 1.96 * 0.50252 / 10, abs=1e-4)


# --------------------------------------------------------------------------------------------------------------------- the verb itself


class Repository:
    """A real repository that grows commit by commit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}
        done = subprocess.run(["git", *arguments], cwd=self.root, env=os.environ | who, capture_output=True, text=True, check=True)
        return done.stdout

    def commit(self, subject: str, files: dict[str, str], author: str | None = None) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            with open(self.root / path, "a", encoding="utf-8") as f:
                f.write(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject, *(["--author", author] if author else []))


def bench(where: Path, *arguments: str, data: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "groma", "bench", *arguments]
    return subprocess.run(
        command, cwd=where, env=os.environ | {"GROMA_DATA_DIR": str(data)} | (env or {}), capture_output=True, text=True, check=False
    )


@pytest.fixture
def history(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit(
        "Start with carts and the payment of them",
        {
            "shop/cart.py": "class Cart:\n    def add(self, article):\n        self.articles.add(article)  # what a customer wants to buy\n",
            "shop/payment.py": "def authorize(card, amount):\n    return gateway.charge(card, amount)\n",
        },
    )
    made.commit("feat: refund a charged card (#4)", {"shop/payment.py": "\n\ndef refund(charge):\n    return gateway.give_back(charge)\n"})
    made.commit("Ship parcels with a tracking number", {"shop/shipping.py": "def ship(parcel):\n    return carrier.tracking_number(parcel)\n"})
    made.commit("Bump requests from 1.0 to 2.0", {"shop/cart.py": "\n# requests 2.0\n"})
    made.commit(
        "Make the tracking number a plain string", {"shop/shipping.py": "\n\ndef text(number):\n    return str(number)\n"}, "x[bot] <x@bots.example>"
    )
    made.commit("Rename everything everywhere all at once", {f"shop/m{i}.py": f"NAME_{i} = {i}\n" for i in range(4)})
    made.commit("Discount codes of a voucher expire", {"shop/voucher.py": "def expired(voucher, today):\n    return voucher.until < today\n"})
    return made


def test_bench_scores_both_tools_and_tells_nothing_else_of_the_repository(history: Repository, tmp_path: Path) -> None:
    done = bench(tmp_path, str(history.root), "--json", data=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["schema"] == "groma.bench/1"
    assert (result["repository"], result["commits"], result["looked_at"]) == ("shop", 4, 7)
    assert result["left_out"] == {"version bump": 1, "bot": 1, "more than 3 files": 1}
    for tool in ("groma", "git grep"):
        assert set(result["tools"][tool]) == {"ndcg@10", "mrr", "recall@5", "recall@10", "p50_ms", "p95_ms"}
        assert result["tools"][tool]["p50_ms"] > 0
    assert result["tools"]["groma"]["recall@10"] == 1.0
    assert result["difference"] == {
        "ndcg@10": pytest.approx(result["tools"]["groma"]["ndcg@10"] - result["tools"]["git grep"]["ndcg@10"], abs=2e-4),
        "low": None,
        "high": None,
    }
    assert str(tmp_path) not in done.stdout
    assert "voucher" not in done.stdout


def test_bench_prints_a_table_to_share(history: Repository, tmp_path: Path) -> None:
    done = bench(history.root, data=tmp_path / "data")  # without a path: the repository one stands in
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "| shop, 4 commits | groma | git grep |"
    assert all(re.fullmatch(r"\| [\w@ ,%]+ \| \d+\.\d+ \| \d+\.\d+ \|", line) for line in lines[2:8])
    assert f"{core.NAME} core" in done.stdout
    assert "already hold what each commit changed" in done.stdout
    assert str(tmp_path) not in done.stdout


def test_newest_commits_come_first_and_a_folder_below_the_top_is_only_that_folder(history: Repository, tmp_path: Path) -> None:
    history.commit("Explain how vouchers are counted", {"tools/count.py": "def count(vouchers):\n    return len(vouchers)\n"})
    whole = json.loads(bench(tmp_path, str(history.root), "--commits", "1", "--json", data=tmp_path / "data").stdout)
    assert (whole["commits"], whole["looked_at"]) == (1, 1)
    part = json.loads(bench(tmp_path, str(history.root / "shop"), "--json", data=tmp_path / "data").stdout)
    assert (part["repository"], part["commits"]) == ("shop/shop", 4)


def test_a_file_that_is_gone_is_no_answer_but_counts_as_touched(tmp_path: Path) -> None:
    made = Repository(tmp_path / "r")
    made.commit("Measure the speed of the wind", {"wind.py": "def speed():\n    return 3\n", "old.py": "x = 1\n"})
    made.commit(
        "Forecast rain from old measurements", {f"gone{i}.py": f"x = {i}\n" for i in range(3)} | {"rain.py": "def forecast():\n    return 1\n"}
    )
    made.git("rm", "-q", "old.py", "gone0.py", "gone1.py", "gone2.py")
    made.git("commit", "-q", "-m", "Remove what nobody reads")
    result = json.loads(bench(tmp_path, str(made.root), "--json", data=tmp_path / "data").stdout)
    assert result["commits"] == 1  # the wind; rain came with three files that are gone
    assert result["left_out"] == {"more than 3 files": 2}


def test_the_environment_of_a_hook_does_not_name_the_repository(history: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    done = bench(tmp_path, str(history.root), "--json", data=tmp_path / "data", env={"GIT_DIR": str(other.root / ".git")})
    assert json.loads(done.stdout)["repository"] == "shop"


def test_without_commits_history_or_git_one_sentence_says_so(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    empty = Repository(tmp_path / "empty")
    dull = Repository(tmp_path / "dull")
    dull.commit("Fix tests", {"a.py": "x = 1\n"})
    for where, said in (
        (plain, "is not in a git work tree"),
        (empty.root, "has no commits yet"),
        (dull.root, "no commit that can be asked (1 too short)"),
    ):
        done = bench(tmp_path, str(where), data=tmp_path / "data", env={"GIT_CEILING_DIRECTORIES": str(tmp_path)})
        assert done.returncode == 1
        assert done.stdout == ""
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    done = bench(tmp_path, str(dull.root), data=tmp_path / "data", env={"PATH": str(plain)})
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs git" in done.stderr


def test_wrong_usage(tmp_path: Path) -> None:
    assert bench(tmp_path, "--commits", "0", data=tmp_path / "data").returncode == 2
    assert bench(tmp_path, "nowhere", data=tmp_path / "data").returncode == 2
