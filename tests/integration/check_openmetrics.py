#!/usr/bin/env python3
"""Parses OpenMetrics text from stdin with prometheus_client's strict parser.

Prints the number of samples; a violation is a message on stderr and status 1.
"""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

try:
    families = list(text_string_to_metric_families(sys.stdin.read()))
except ValueError as violation:
    sys.exit(f"not OpenMetrics: {violation}")
print(sum(len(family.samples) for family in families))
