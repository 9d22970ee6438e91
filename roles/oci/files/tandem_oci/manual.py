# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource agent's metadata, OCF 1.1."""

from __future__ import annotations

from .interpreter import DEFAULT as PYTHON
from .settings import DEFAULT_FILE

USAGE = "usage: oci-private-ip start|stop|monitor|validate-all|reload-agent|meta-data|usage"

METADATA = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="oci-private-ip" version="1.0">
<version>1.1</version>
<longdesc lang="en">
Makes a secondary private IP of Oracle's cloud (OCI) point to the network card (VNIC) of the instance on which the
resource runs. It does not put the address on the card: use it beside ocf:heartbeat:IPaddr2, before it in one group.

While the cloud gives no answer, what was known last stays true for the time of grace: nothing moves because an API
is ill. Stopping asks nothing and changes nothing in the cloud; the next start takes the address over.
</longdesc>
<shortdesc lang="en">Secondary private IP of an OCI instance</shortdesc>
<parameters>
<parameter name="ip" unique-group="address" required="1">
<longdesc lang="en">The address, without a prefix length. It must lie in the subnet of one of the
instance's VNICs and be the primary address of none.</longdesc>
<shortdesc lang="en">Private IP address</shortdesc>
<content type="string"/>
</parameter>
<parameter name="vnic_id">
<longdesc lang="en">The OCID of the VNIC that gets the address. It differs from node to node; without it the VNIC
in whose subnet the address lies is taken, which the instance's metadata service tells.</longdesc>
<shortdesc lang="en">OCID of the VNIC</shortdesc>
<content type="string"/>
</parameter>
<parameter name="subnet_id">
<longdesc lang="en">The OCID of the subnet. Without it the API is asked in which subnet the VNIC is.</longdesc>
<shortdesc lang="en">OCID of the subnet</shortdesc>
<content type="string"/>
</parameter>
<parameter name="nic">
<longdesc lang="en">The network card on which IPaddr2 puts the address. Where it is given, its MAC must be the VNIC's.</longdesc>
<shortdesc lang="en">Network card, to be compared</shortdesc>
<content type="string"/>
</parameter>
<parameter name="grace" reloadable="1">
<longdesc lang="en">How long monitor reports what was known last when the cloud gives no answer.</longdesc>
<shortdesc lang="en">Patience with the API</shortdesc>
<content type="time" default="300"/>
</parameter>
<parameter name="settings" reloadable="1">
<longdesc lang="en">The file that says how the API is reached and as whom. The role tandem.ha.oci writes it.</longdesc>
<shortdesc lang="en">Settings of the API</shortdesc>
<content type="string" default="%(settings)s"/>
</parameter>
<parameter name="python" reloadable="1">
<longdesc lang="en">The Python that has the OCI SDK.</longdesc>
<shortdesc lang="en">Python with the SDK</shortdesc>
<content type="string" default="%(python)s"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="120s"/>
<action name="stop" timeout="20s"/>
<action name="monitor" timeout="30s" interval="10s" depth="0"/>
<action name="validate-all" timeout="30s"/>
<action name="reload-agent" timeout="20s"/>
<action name="meta-data" timeout="5s"/>
</actions>
</resource-agent>
""" % {"settings": DEFAULT_FILE, "python": PYTHON}
