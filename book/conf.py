"""Settings for plain sphinx-build: those that Jupyter Book makes of ../_config.yml.

Lets builders that Jupyter Book does not know (gettext for a translation, say) run on the same
source: `sphinx-build -b gettext book _build/gettext`.
"""

import sys
from pathlib import Path

from jupyter_book.config import get_final_config

_book = Path(__file__).resolve().parent
sys.path.insert(0, str(_book / "_ext"))
_settings, _ = get_final_config(
    user_yaml=_book.parent / "_config.yml",
    sourcedir=_book,
    cli_config={"external_toc_path": "_toc.yml", "latex_individualpages": False},
)
globals().update(_settings)
