# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource agent's metadata, OCF 1.1."""

from __future__ import annotations

from .settings import Settings

USAGE = "usage: rabbitmq start|stop|monitor|validate-all|reload-agent|meta-data|usage"

METADATA = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="rabbitmq" version="1.0">
<version>1.1</version>
<longdesc lang="en">
A member of a RabbitMQ cluster. It starts on the data that are there; a member whose data are gone joins one that runs;
the first one makes the cluster, when nobody can have one. Data are never given up.

An action returns within moments: a member that has to wait for another one counts as started, and is looked after by
monitors. It is meant for a bundle, with container-attribute-target=host, and needs no notifications.
</longdesc>
<shortdesc lang="en">RabbitMQ that keeps its data</shortdesc>
<parameters>
<parameter name="members" required="1">
<longdesc lang="en">Every host on which Pacemaker may run this, by the names of the cluster's nodes, in one order. Each
is the member rabbit@NAME, and must be known by that name to all.</longdesc>
<shortdesc lang="en">Hosts of members</shortdesc>
<content type="string"/>
</parameter>
<parameter name="voters">
<longdesc lang="en">Hosts of members that Pacemaker does not run, such as a witness.</longdesc>
<shortdesc lang="en">Members elsewhere</shortdesc>
<content type="string"/>
</parameter>
<parameter name="force_after" reloadable="1">
<longdesc lang="en">After how long to go on without members that are missing, when a majority of them all is here and
Pacemaker knows that the others are off. 0: never. Use it only with cluster_partition_handling = pause_minority, which is
what keeps a missing member from having confirmed what nobody else has.</longdesc>
<shortdesc lang="en">Time after which a majority goes on</shortdesc>
<content type="time" default="0"/>
</parameter>
<parameter name="start_wait" reloadable="1">
<longdesc lang="en">For how long a start waits for the server to serve. While it waits, Pacemaker begins nothing
else.</longdesc>
<shortdesc lang="en">Longest wait of a start</shortdesc>
<content type="time" default="20s"/>
</parameter>
<parameter name="directory">
<longdesc lang="en">The directory of the data, with the cookie, as seen in the container.</longdesc>
<shortdesc lang="en">Directory of the data</shortdesc>
<content type="string" default="%s"/>
</parameter>
<parameter name="configuration">
<longdesc lang="en">The directory of rabbitmq-env.conf, as seen in the container.</longdesc>
<shortdesc lang="en">Directory of the configuration</shortdesc>
<content type="string" default="%s"/>
</parameter>
<parameter name="log_directory">
<longdesc lang="en">The directory of the logs: the server's, and tandem.log, in which it says what was decided and
why.</longdesc>
<shortdesc lang="en">Directory of the logs</shortdesc>
<content type="string" default="%s"/>
</parameter>
<parameter name="run_directory">
<longdesc lang="en">A directory that goes with the container.</longdesc>
<shortdesc lang="en">Directory of the state</shortdesc>
<content type="string" default="%s"/>
</parameter>
<parameter name="programs">
<longdesc lang="en">The directory with rabbitmq-server and rabbitmqctl themselves, not with wrappers of them.</longdesc>
<shortdesc lang="en">Directory of the programs</shortdesc>
<content type="string" default="%s"/>
</parameter>
<parameter name="user">
<longdesc lang="en">The user that runs the server, and its group.</longdesc>
<shortdesc lang="en">User of the server</shortdesc>
<content type="string" default="%s"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="60s"/>
<action name="stop" timeout="90s"/>
<action name="monitor" timeout="40s" interval="10s" depth="0"/>
<action name="validate-all" timeout="20s"/>
<action name="reload-agent" timeout="20s"/>
<action name="meta-data" timeout="5s"/>
</actions>
</resource-agent>
""" % (
    Settings.directory,
    Settings.configuration,
    Settings.log_directory,
    Settings.run_directory,
    Settings.programs,
    Settings.user,
)
