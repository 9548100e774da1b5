"""Takes out of the pages what they do not need: the extension sphinx-thebe, maps, spare fonts.

sphinx-thebe runs cells on a public server, through a script from a CDN. Jupyter Book lists it
among its extensions and has no switch for it, so its listeners are disconnected here. (The theme's
fontawesome.js goes by _templates/static/webpack-macros.html, MathJax by the renderer "katex".)
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

UNUSED_FILES = (
    "**/*.map",  # for debugging the theme's scripts and styles
    "**/webfonts/*.ttf",  # all browsers that matter take the woff2 beside it
    "**/fontawesome.js*",
    "**/*webpack-macros.html",
    "**/sphinx-thebe.*",
)


def disconnect_thebe(app: Sphinx, config: Config) -> None:
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)
    app.registry.css_files[:] = [
        entry for entry in app.registry.css_files if entry[0] != "sphinx-thebe.css"
    ]


def delete_unused_files(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for pattern in UNUSED_FILES:
        for file in Path(app.outdir, "_static").glob(pattern):
            file.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", disconnect_thebe)
    app.connect("build-finished", delete_unused_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
