"""The instances of the replan's benchmark: new ones for each seed asked for, beside the files given."""

import json
from pathlib import Path

from bench.replan import instances


def test_new_instances_are_written_for_each_utilisation_and_seed(tmp_path: Path) -> None:
    found = instances([], tmp_path, ["S"], [1, 2], quick=False)
    assert [name for name, _ in found] == [
        "S_70_s1",
        "S_70_s2",
        "S_90_s1",
        "S_90_s1_mixed",
        "S_90_s2",
        "S_90_s2_mixed",
        "S_105_s1",
        "S_105_s2",
    ]
    texts = [path.read_text(encoding="utf-8") for _, path in found]
    assert len(set(texts)) == len(texts)
    assert all(json.loads(text)["orders"] for text in texts)


def test_files_and_folders_given_come_first(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in ("b", "a"):
        (given / f"{name}.json").write_text("{}", encoding="utf-8")
    found = instances([given, given / "b.json"], tmp_path, ["S"], [1], quick=False)
    assert [name for name, _ in found[:4]] == ["a", "b", "b", "S_70_s1"]


def test_quick_takes_one_instance_at_90_percent_of_each_size(tmp_path: Path) -> None:
    found = instances([], tmp_path, ["S", "M"], [1, 2], quick=True)
    assert [name for name, _ in found] == ["S_90_s1", "M_90_s1"]
