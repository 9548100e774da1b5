"""Tests of one group run in one process, which what they share is made for.

A chapter's cells would run once per process otherwise. pytest-xdist says nothing when it does not
understand the version of pytest beside it.
"""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="only one process runs")
@pytest.mark.xdist_group("groups")
def test_pytest_and_xdist_agree_about_groups(request):
    assert request.node.nodeid.endswith("@groups")
