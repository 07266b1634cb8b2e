"""Reads which metrics the processes declare, from the registries themselves. Does not measure, serve or query any."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from connectors.metrics import ConnectorMetrics
from streams.metrics import WorkerMetrics

PROCESSES = {"connectors": ConnectorMetrics, "worker": WorkerMetrics}
"""What declares the metrics of each process; the names are those of Prometheus's jobs."""


@dataclass(frozen=True, slots=True)
class DeclaredMetric:
    """A metric as Prometheus sees it.

    Attributes:
        name: of the family; a counter's ends in `_total`, as it is queried.
        kind: counter, gauge or histogram.
        labels: its own, without those that the scrape adds.
        buckets: upper bounds of a histogram, without the infinite one.
        meaning: its help text.
        process: who declares it.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]
    meaning: str
    process: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query may use."""
        if self.kind == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_count", f"{self.name}_sum")
        return (self.name,)


class ListingRegistry(CollectorRegistry):
    """A registry that lists what was registered, in order: `collectors`."""

    def __init__(self) -> None:
        super().__init__(auto_describe=True)
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        """Register a metric, and keep it."""
        super().register(collector)
        self.collectors.append(collector)


def declared_metrics() -> tuple[DeclaredMetric, ...]:
    """Return the metrics of all processes, in the order of their declaration."""
    found: list[DeclaredMetric] = []
    for process, declare in PROCESSES.items():
        registry = ListingRegistry()
        declare(registry)
        for collector in registry.collectors:
            # prometheus_client tells labels and buckets of a metric without samples in private attributes only.
            labels = tuple(getattr(collector, "_labelnames", ()))
            bounds = tuple(getattr(collector, "_kwargs", {}).get("buckets", ()))
            found.extend(
                DeclaredMetric(
                    name=f"{family.name}_total" if family.type == "counter" else family.name,
                    kind=family.type,
                    labels=labels,
                    buckets=tuple(bound for bound in bounds if bound != float("inf")),
                    meaning=family.documentation,
                    process=process,
                )
                for family in collector.collect()
            )
    return tuple(found)


def markdown_table(metrics: tuple[DeclaredMetric, ...]) -> str:
    """Return the table of metrics for docs/observability.md."""
    lines = ["| metric | kind | labels | meaning | process |", "|---|---|---|---|---|"]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
        buckets = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.buckets else ""
        meaning = metric.meaning.replace("|", "\\|")
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {meaning}{buckets} | {metric.process} |")
    return "\n".join(lines) + "\n"
