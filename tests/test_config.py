"""Settings: where values come from, and what is refused."""

from pathlib import Path

import pytest

from groma.config import SETTINGS, load, within
from groma.errors import ConfigurationError


def settings(tmp_path: Path, environment: dict[str, str] | None = None, project: Path | None = None):
    found = load(environment or {}, data_dir=tmp_path / "data", config_file=tmp_path / "config.toml")
    return within(found, project) if project else found


def test_defaults(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.data_dir == tmp_path / "data"
    assert found.max_file_bytes == 20_000_000
    assert found.answer_within_s == 8
    assert set(found.origins.values()) == {"default"}
    assert {s.name for s in SETTINGS} == set(found.values)


def test_the_last_one_wins_and_says_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("max_file_bytes = 5000\nanswer_within_s = 3\n")
    (tmp_path / ".groma.toml").write_text("max_file_bytes = 6000\n")
    found = settings(tmp_path, {"GROMA_ANSWER_WITHIN_S": "4", "GROMA_DATA_DIR": "~/elsewhere"}, tmp_path)
    assert found.max_file_bytes == 6000
    assert found.origins["max_file_bytes"] == str(tmp_path / ".groma.toml")
    assert (found.answer_within_s, found.origins["answer_within_s"]) == (4, "GROMA_ANSWER_WITHIN_S")
    assert found.data_dir == Path.home() / "elsewhere"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "colour = 1",
            "which groma does not know; it knows answer_within_s, daemon, daemon_idle_s, data_dir, job_memory_mb, jobs_at_once, max_file_bytes",
        ),
        ("max_file_bytes = 'many'", "must be a whole number"),
        ("max_file_bytes = true", "must be a whole number"),
        ("max_file_bytes = 1", "must lie between 1000 and"),
        ("data_dir = 3", "must be a path"),
        ("data_dir =", "cannot be read as TOML"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=part) as e:
        settings(tmp_path)
    assert str(tmp_path / "config.toml") in e.value.message
    assert e.value.exit_code == 3


def test_a_cloned_project_may_not_move_the_data(tmp_path: Path) -> None:
    (tmp_path / ".groma.toml").write_text("data_dir = '/tmp/evil'\n")
    with pytest.raises(ConfigurationError, match="comes with a clone"):
        settings(tmp_path, project=tmp_path)


def test_a_bad_variable_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GROMA_MAX_FILE_BYTES"):
        settings(tmp_path, {"GROMA_MAX_FILE_BYTES": "lots"})


def test_the_environment_wins_over_a_project_but_the_project_is_checked_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".groma.toml").write_text("max_file_bytes = 6000\n")
    assert settings(tmp_path, {"GROMA_MAX_FILE_BYTES": "7000"}, tmp_path).max_file_bytes == 7000
    (tmp_path / ".groma.toml").write_text("max_file_bytes = 'many'\n")
    with pytest.raises(ConfigurationError, match="must be a whole number"):
        settings(tmp_path, {"GROMA_MAX_FILE_BYTES": "7000"}, tmp_path)
