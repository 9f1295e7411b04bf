# SPDX-License-Identifier: GPL-2.0-or-later
"""What Prometheus reads: reports, transitions, and hosts in each state."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ksgen.reports import MEANINGS


class Metrics:
    """Those of one server; a registry of its own, so that two in one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._reports = Counter("ksgen_reports", "Reports that were accepted.", registry=self._registry)
        self._events = Counter("ksgen_events", "Events that were kept.", registry=self._registry)
        self._transitions = Counter(
            "ksgen_transitions", "Attempts that came from one state into another.", ("before", "after"),
            registry=self._registry,
        )  # fmt: skip
        self._hosts = Gauge("ksgen_hosts", "Hosts by state.", ("state",), registry=self._registry)
        self._doubts = Gauge(
            "ksgen_hosts_in_doubt", "Hosts that are silent or late.", ("doubt",), registry=self._registry
        )

    def count_report(self, events: int) -> None:
        """A report with so many new events was accepted."""
        self._reports.inc()
        self._events.inc(events)

    def count_transition(self, before: str, after: str) -> None:
        """An attempt has changed its state."""
        self._transitions.labels(before, after).inc()

    def page(self, counts: Mapping[str, int]) -> tuple[bytes, str]:
        """The text and its type. `counts` are those of view.counts."""
        for state in (*MEANINGS, "idle"):
            self._hosts.labels(state).set(counts.get(state, 0))
        for doubt in ("silent", "late"):
            self._doubts.labels(doubt).set(counts.get(doubt, 0))
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
