# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CIB as a tree: read it into the model, write changes into a copy. Pure."""
