# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small stand-in for Oracle's cloud (OCI), which cannot exist on a test machine: what our agents use of it, no more.

The real SDK from PyPI talks to it over TLS. It is strict where the real one is: request signatures with their digest
and date, sessions of instance principals, the rule that a private IP moves only within its subnet, what a primary
address is, what an instance's state allows. What it proves ends where the real service knows better than this file.

network.py   the model: cards, private IPs, instances, and what is refused
wire.py      a request's signature
identity.py  keys, certificates and tokens
disorder.py  faults on request
fabric.py    what passes between the nodes of a lab
power.py     what an instance's power button does
service.py   which request means which operation
server.py    the listeners: the API over TLS, the metadata service in the clear
"""
