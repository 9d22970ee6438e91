# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of a RabbitMQ cluster that keeps its data: the program behind ocf:tandem:rabbitmq and the witness's voter."""
