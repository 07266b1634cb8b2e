"""Builds the Grafana dashboard. Does not know what is on it: `deploy.panels` says that, this lays it out.

The classic dashboard model, which Grafana takes in all current versions:
https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA_VERSION = 41
COLUMNS = 24
"""The width of Grafana's grid."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]
Colour = Literal["green", "yellow", "orange", "red", "blue", "text"]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are named (`{{label}}`)."""

    expression: str
    legend: str = "__auto"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: what it shows, with what it is counted in where the unit does not say it.
        description: what to read from it, and what to do where it looks wrong.
        queries: what is drawn.
        unit: one of Grafana's, such as `s`, `short`, `percentunit`, `ops`.
        kind: the visualisation.
        width: of 24 columns.
        height: in rows of the grid.
        thresholds: from which value on which colour; green below the first. Drawn as lines in a time series.
        stacked: whether series are drawn upon each other.
        minimum: where the axis starts; null lets Grafana choose.
        maximum: where it ends.
        no_value: shown where there is no data.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    kind: Literal["timeseries", "stat", "heatmap", "table"] = "timeseries"
    width: int = 8
    height: int = 8
    thresholds: tuple[tuple[float, Colour], ...] = ()
    stacked: bool = False
    minimum: float | None = 0
    maximum: float | None = None
    no_value: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


def build(title: str, uid: str, description: str, rows: Sequence[Row]) -> Json:
    """Return the dashboard; panels fill each row from left to right, and their ids are their places."""
    panels: list[Json] = []
    top = 0
    for row in rows:
        panels.append(_heading(len(panels) + 1, row.title, top))
        top += 1
        left = tallest = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            place = {"h": panel.height, "w": panel.width, "x": left, "y": top}
            panels.append(_panel(len(panels) + 1, panel, place))
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return {
        "annotations": {"list": [_alert_annotation()]},
        "description": description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [],
        "panels": panels,
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["depeche"],
        "templating": {"list": [_datasource_variable()]},
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": title,
        "uid": uid,
        "version": 1,
        "weekStart": "monday",
    }


def _datasource_variable() -> Json:
    return {
        "current": {"selected": True, "text": "Prometheus", "value": "depeche-prometheus"},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
        "type": "datasource",
    }


def _alert_annotation() -> Json:
    """Draw each alert as a line where it began to fire."""
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "name": "Alerts",
        "tagKeys": "severity,job,stage,topic",
        "target": {
            "expr": 'ALERTS{alertname=~"Depeche.+", alertstate="firing"}',
            "interval": "60s",
            "refId": "Anno",
        },
        "titleFormat": "{{alertname}}",
        "type": "tags",
        "useValueForTime": False,
    }


def _heading(number: int, title: str, top: int) -> Json:
    return {
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": top},
        "id": number,
        "panels": [],
        "title": title,
        "type": "row",
    }


def _panel(number: int, panel: Panel, place: Json) -> Json:
    defaults: Json = {
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "custom": _custom(panel),
        "mappings": [],
        "thresholds": {
            "mode": "absolute",
            "steps": [
                {"color": "green", "value": None},
                *({"color": colour, "value": value} for value, colour in panel.thresholds),
            ],
        },
        "unit": panel.unit,
    }
    for name, value in (("min", panel.minimum), ("max", panel.maximum), ("noValue", panel.no_value)):
        if value is not None:
            defaults[name] = value
    return {
        "datasource": DATASOURCE,
        "description": panel.description,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": place,
        "id": number,
        "options": _options(panel),
        "targets": [_target(panel, index, query) for index, query in enumerate(panel.queries)],
        "title": panel.title,
        "transformations": _transformations(panel),
        "type": panel.kind,
    }


def _target(panel: Panel, index: int, query: Query) -> Json:
    at_once = panel.kind in ("stat", "table")
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "format": {"heatmap": "heatmap", "table": "table"}.get(panel.kind, "time_series"),
        "instant": at_once,
        "legendFormat": query.legend,
        "range": not at_once,
        "refId": "ABCDEFGH"[index],
    }


def _custom(panel: Panel) -> Json:
    if panel.kind == "heatmap":
        return {"hideFrom": {"legend": False, "tooltip": False, "viz": False}, "scaleDistribution": {"type": "linear"}}
    if panel.kind != "timeseries":
        return {}
    return {
        "axisPlacement": "auto",
        "drawStyle": "line",
        "fillOpacity": 30 if panel.stacked else 8,
        "lineWidth": 1,
        "scaleDistribution": {"type": "linear"},
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "dashed" if panel.thresholds else "off"},
    }


def _options(panel: Panel) -> Json:
    match panel.kind:
        case "stat":
            return {
                "colorMode": "value",
                "graphMode": "none",
                "justifyMode": "auto",
                "orientation": "auto",
                "percentChangeColorMode": "standard",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "showPercentChange": False,
                "textMode": "auto",
                "wideLayout": True,
            }
        case "heatmap":
            return {
                "calculate": False,
                "cellGap": 1,
                "color": {
                    "exponent": 0.5,
                    "fill": "dark-blue",
                    "mode": "scheme",
                    "reverse": False,
                    "scheme": "Blues",
                    "steps": 64,
                },
                "exemplars": {"color": "orange"},
                "legend": {"show": True},
                "rowsFrame": {"layout": "auto"},
                "showValue": "never",
                "tooltip": {"mode": "single", "yHistogram": False},
                "yAxis": {"axisPlacement": "left", "unit": panel.unit},
            }
        case "table":
            return {"cellHeight": "sm", "frameIndex": 0, "showHeader": True}
        case _:
            return {
                "legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }


def _transformations(panel: Panel) -> list[Json]:
    """Leave out of a table what says nothing to a person."""
    if panel.kind != "table":
        return []
    hidden = ("Time", "Value", "__name__", "alertstate")
    return [{"id": "organize", "options": {"excludeByName": dict.fromkeys(hidden, True), "renameByName": {}}}]
