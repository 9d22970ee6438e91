# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx, for `make docs`: the pages of docs/ and what antsibull-docs writes about plugins and roles."""

project = "tandem.ha"
copyright = "the Tandem contributors"  # noqa: A001 - Sphinx's name

extensions = ["sphinx_antsibull_ext", "myst_parser"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["site"]
html_theme = "sphinx_ansible_theme"
html_title = project
html_show_sphinx = False
highlight_language = "YAML+Jinja"
# Links to headings of other pages, as the repository's web page makes them.
myst_heading_anchors = 3
# Labels and variables of Ansible's own documentation, which is not at hand where this is built; and terms of the blocks in the pages.
suppress_warnings = ["ref.ref", "ref.envvar", "misc.highlighting_failure"]
