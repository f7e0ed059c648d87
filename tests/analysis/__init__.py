"""Tests of vos_core.analysis."""
