"""The dashboards: generated, complete, laid out without overlaps, and asking only for what is declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.__main__ import dashboard
from tests.deploy.files import COMPOSE, DASHBOARDS, DEPLOY, Mapping, read_json, read_yaml
from tests.deploy.promql import used
from tests.deploy.test_prometheus import known_labels, known_series, unknown_values

Panel = dict[str, Any]


def boards() -> list[Any]:
    return [pytest.param(read_json(path), id=path.stem) for path in DASHBOARDS]


def panels(board: Mapping) -> list[Panel]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def all_panels() -> list[Any]:
    return [
        pytest.param(panel, id=f"{path.stem}-{panel['id']}") for path in DASHBOARDS for panel in panels(read_json(path))
    ]


def test_the_committed_dashboard_is_what_its_source_gives() -> None:
    committed = (DEPLOY / "grafana" / "dashboards" / "depeche.json").read_text(encoding="utf-8")
    assert committed == dashboard(), "run: python -m deploy"


@pytest.mark.parametrize("board", boards())
def test_a_dashboard_has_its_rows_and_a_stable_id(board: Mapping) -> None:
    assert board["uid"] == "depeche"
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert {"Ingestion", "Feeds", "Pages", "Push and WebSub", "Coding", "Delivery", "Latency"} <= set(rows)
    assert board["schemaVersion"] >= 39
    assert "id" not in board, "Grafana gives each of its databases a number of its own"


@pytest.mark.parametrize("board", boards())
def test_panels_have_ids_of_their_own_and_do_not_overlap(board: Mapping) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    cells: dict[tuple[int, int], int] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert cells.setdefault((x, y), panel["id"]) == panel["id"]


@pytest.mark.parametrize("panel", all_panels())
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: Panel) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 60
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    steps = [step["value"] for step in defaults["thresholds"]["steps"]]
    assert steps[0] is None
    assert steps[1:] == sorted(steps[1:])


@pytest.mark.parametrize("panel", all_panels())
def test_a_panel_asks_the_data_source_that_is_chosen(panel: Panel) -> None:
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    names = [target["refId"] for target in panel["targets"]]
    assert names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("panel", all_panels())
def test_a_panel_uses_only_metrics_and_labels_that_are_declared(panel: Panel) -> None:
    for target in panel["targets"]:
        found = used(target["expr"])
        assert found.series
        assert found.series <= known_series()
        assert found.labels <= known_labels()
        assert unknown_values(target["expr"]) == []


def test_the_default_data_source_is_the_one_that_is_provisioned() -> None:
    (source,) = read_yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    for path in DASHBOARDS:
        (variable,) = read_json(path)["templating"]["list"]
        assert (variable["query"], variable["current"]["value"]) == (source["type"], source["uid"])
    interval = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval
    assert source["url"] == "http://prometheus:9090"


def test_grafana_finds_the_dashboards_where_they_are_mounted() -> None:
    (provider,) = read_yaml(DEPLOY / "grafana" / "provisioning" / "dashboards" / "depeche.yml")["providers"]
    grafana = read_yaml(COMPOSE)["services"]["grafana"]
    folders = {volume["source"]: volume["target"] for volume in grafana["volumes"] if isinstance(volume, dict)}
    assert folders["./deploy/grafana/dashboards"] == provider["options"]["path"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert json.loads((DEPLOY / "grafana" / "dashboards" / home.name).read_text(encoding="utf-8"))
