"""Sphinx's configuration. What is ours in it is the extension beside this file."""

project = "Regularization in PyTorch"
html_title = "Regularization"  # longer widens a phone's page
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "course_lib.authoring.site.extension",
]
nb_execution_mode = "off"  # executed by the build of the notebooks
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
default_role = "code"  # our docstrings write `name`
autodoc_typehints = "description"
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"

html_css_files = ["course.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc", "course-open"],
    "footer_start": ["course-licence"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_sidebars: dict[str, list[str]] = {
    name: [] for name in ("index", "myths", "claims", "cheatsheet", "glossary", "progress")
}
templates_path = ["templates"]
suppress_warnings = ["myst.header"]  # a lesson's first heading may follow a lower one
