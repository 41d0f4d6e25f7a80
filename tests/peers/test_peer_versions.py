"""What is asserted here is asserted of these versions."""

from importlib.metadata import version

import pytest

from tests.peers.case import VERSIONS


@pytest.mark.parametrize("peer", VERSIONS)
def test_the_installed_peer_is_the_one_of_the_page(peer: str) -> None:
    assert version(peer) == VERSIONS[peer]
