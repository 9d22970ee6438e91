# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The predictions against what was measured (docs/timing.md holds the table)."""

from __future__ import annotations

from typing import Optional

import pytest

from tandem_agent.corosync.timing import JOIN, PROFILES, Fencing, Totem, predict, qdevice_timeout_for


@pytest.mark.parametrize(
    ("token", "consensus", "measured"),
    [
        (3000, 3600, 6.35),
        (1000, 1200, 2.05),
        (1000, 300, 1.14),
        (1000, 300, 1.33 - 0.03),
        (500, 600, 1.09),
        (5000, 6000, 10.39),
        (10000, 12000, 21.40),
    ],
)
def test_membership_without_a_quorum_device(token: int, consensus: int, measured: float) -> None:
    least, most = Totem(token, consensus).loss
    assert least - 0.02 <= measured <= most + 0.02


@pytest.mark.parametrize(
    ("token", "consensus", "qdevice", "measured"),
    [
        (3000, 3600, 10000, 11.23),
        (3000, 3600, 10000, 6.9),
        (3000, 3600, 10000, 7.6),
        (3000, 3600, 10000, 9.6),
        (3000, 3600, 2500, 6.73),
        (1000, 1200, 1250, 2.36),
        (1000, 300, 1250, 1.45),
        (1000, 300, 1250, 1.4),
    ],
)
def test_quorum_with_a_quorum_device(token: int, consensus: int, qdevice: int, measured: float) -> None:
    told = predict(Totem(token, consensus), qdevice)
    assert told.detection_min - 0.06 <= measured <= told.detection_max + 0.06


@pytest.mark.parametrize(
    ("totem", "qdevice", "power_wait", "least", "most"),
    [
        (Totem(3000, 3600), 10000, 2.0, 9.7, 17.5),  # the defaults of all parts: 14.1 s seen
        (Totem(1500, 1800), 2750, 1.0, 5.1, 6.6),  # 6.3 s seen
        (Totem(1500, 600), 1750, 1.0, 3.6, 5.4),
        (Totem(1000, 300), 1250, 0.0, 1.8, 2.7),
    ],
)
def test_a_whole_failover(totem: Totem, qdevice: int, power_wait: float, least: float, most: float) -> None:
    told = predict(totem, qdevice, Fencing(power_wait))
    assert told.total_min == pytest.approx(least, abs=0.55)  # the table takes the token's mean age
    assert told.total_max == pytest.approx(most, abs=0.35)


@pytest.mark.parametrize(("token", "timeout"), [(3000, 5500), (1500, 2750), (1000, 1800), (10000, 18300), (500, 1250)])
def test_the_device_decides_no_later_than_the_membership(token: int, timeout: int) -> None:
    assert qdevice_timeout_for(Totem(token)) == timeout
    if token >= 1000:
        assert predict(Totem(token), timeout).warnings == ()
        assert any("at most" in line for line in predict(Totem(token), timeout + 60).warnings)


def test_profiles_are_what_the_documentation_says() -> None:
    told = {}
    for name, profile in PROFILES.items():
        for nodes in (2, 3):
            totem = Totem(profile.token, profile.consensus(profile.token, JOIN, nodes), nodes=nodes)
            told[name, nodes] = (totem.effective_consensus, qdevice_timeout_for(totem))
            assert predict(totem, told[name, nodes][1]).warnings == ()
    assert told == {
        ("default", 2): (3600, 5500),
        ("default", 3): (4380, 6650),
        ("fast", 2): (600, 1750),
        ("fast", 3): (2580, 3900),
        ("cloud", 2): (12000, 18300),
        ("cloud", 3): (12780, 19500),
    }


def test_a_profile_s_consensus_follows_the_token_and_stays_above_join() -> None:
    assert PROFILES["fast"].consensus(1000, JOIN, 2) == 400
    assert PROFILES["fast"].consensus(1000, 500, 2) == 1000
    assert PROFILES["default"].consensus(3000, JOIN, 2) is None


def test_the_third_member_adds_the_coefficient() -> None:
    assert Totem(3000, nodes=3).effective_token == 3650
    assert Totem(3000, nodes=3).effective_consensus == 4380
    assert Totem(3000, coefficient=0, nodes=5).effective_token == 3000


@pytest.mark.parametrize(
    ("action", "wait", "least", "most"), [("reboot", 2, 2.3, 4.5), ("reboot", 1, 1.3, 2.5), ("off", 1, 0.1, 1.3)]
)
def test_fencing_takes_a_power_wait_for_each_switching(action: str, wait: float, least: float, most: float) -> None:
    """And a host that is off is not switched off once more."""
    assert Fencing(wait, 0, action).seconds == pytest.approx((least, most))
    told = predict(Totem(), None, Fencing(wait, 5, action))
    assert (told.fencing_min, told.fencing_max) == pytest.approx((least + 5, most + 5))


@pytest.mark.parametrize(
    ("totem", "qdevice", "word"),
    [
        (Totem(500), None, "whole seconds"),
        (Totem(3000, 3000, nodes=3), None, "larger than the token"),
        (Totem(3000), 10000, "5500 ms"),
    ],
)
def test_warnings_name_the_remedy(totem: Totem, qdevice: Optional[int], word: str) -> None:
    assert any(word in line for line in predict(totem, qdevice).warnings)


def test_an_answer_is_rounded_to_a_hundredth() -> None:
    assert predict(Totem(), 5500).as_dict()["quorum"] == 0.56
