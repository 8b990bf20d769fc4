"""The dashboard: its queries are ones that Prometheus understands and that name what is exported, and nothing in it is of one installation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contrib.exported import CONTRIB, check_query

BOARD: dict[str, Any] = json.loads((CONTRIB / "grafana" / "drcheck.json").read_text(encoding="utf-8"))


def queries() -> Iterator[str]:
    """Every query of the dashboard, with its variables filled in."""
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$organisation", ".*")


def test_the_queries_name_what_is_exported() -> None:
    for query in queries():
        check_query(query)
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            check_query(variable["definition"])


@pytest.mark.program("promtool")
def test_prometheus_understands_the_queries(tmp_path: Path) -> None:
    # Rules are what promtool can check without a server; JSON is YAML.
    rules = [{"record": f"query:{place}", "expr": query} for place, query in enumerate(queries())]
    path = tmp_path / "queries.json"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["description"] for panel in panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_it_is_of_no_installation() -> None:
    assert {panel["datasource"]["uid"] for panel in BOARD["panels"]} == {"${datasource}"}
    assert "id" not in BOARD
    names = {variable["name"] for variable in BOARD["templating"]["list"]}
    assert names == {"datasource", "organisation"}


def test_what_is_renamed_is_there() -> None:
    for panel in BOARD["panels"]:
        for step in panel.get("transformations", []):
            for name in step["options"].get("renameByName", {}):
                assert name.removeprefix("Value #") in {target["refId"] for target in panel["targets"]}
