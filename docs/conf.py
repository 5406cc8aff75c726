"""Sphinx configuration. ``tools/task docs`` builds; the pages of functions and all pictures are made by ``_ext/pages.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import fastact

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "fastact"
author = "fastact contributors"
copyright = author
version = release = fastact.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "numpydoc",
    "myst_parser",
    "pages",
]
exclude_patterns = ["_ext", "experiments", "**/*.inc"]
default_role = "py:obj"
add_module_names = False
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
doctest_test_doctest_blocks = "default"
# pages that are also read in the repository link to files outside docs/
suppress_warnings = ["myst.xref_missing"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "fastact"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"generated/api/*": ["sidebar-nav-bs"], "generated/*": [], "*": []}
html_theme_options = {
    "logo": {"text": "fastact"},
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "show_prev_next": False,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "pygments_light_style": "friendly",
    "pygments_dark_style": "github-dark",
}
