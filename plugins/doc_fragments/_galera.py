# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: this fragment may change or vanish in any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    """What the modules for a database's accounts have in common; each says itself what it takes them for."""

    DOCUMENTATION = r"""
options:
  accounts:
    type: list
    elements: dict
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      hosts:
        description: From where it may log in; an address, a pattern such as V(10.0.0.%), or V(%). Each is an account of its own.
        type: list
        elements: str
        default: ["%"]
      password:
        description: Its password. Without one, everybody at O(accounts[].hosts) can log in as it.
        type: str
      privileges:
        description: 'What it may do where, such as C(SELECT, INSERT) under the key C(shop.*).'
        type: dict
        default: {}
      tls:
        description: Whether it may only log in over TLS. Not given, it is left as it is, and a new account may log in without.
        type: bool
"""
