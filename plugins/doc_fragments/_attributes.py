# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: this fragment may change or vanish in any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    """What every module of the collection says about itself; each adds its own C(support)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changes it would make, without making any.
  diff_mode:
    description: Returns what changed, or in check mode what would change, when run in diff mode. Secrets are redacted.
  idempotent:
    description: When run twice in a row with the same arguments, the second run makes no change.
"""

    PLATFORM = r"""
options: {}
attributes:
  platform:
    description: Operating systems of the managed node on which the module works.
    support: full
    platforms: linux
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/tandem.ha.ha) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - tandem.ha.ha
"""
