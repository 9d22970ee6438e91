# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private IP that follows its resource, and fencing by instance, in Oracle's cloud (OCI).

Everything but `cloud.py` runs on the system's own Python, from 3.8, with the standard library alone: what needs no
answer from the cloud (stop, probe, metadata) works whatever has become of the SDK's environment.
"""
