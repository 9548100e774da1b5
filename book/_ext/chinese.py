"""Marks Chinese words as Chinese, so that they are read out as such and get a Chinese font."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

HAN = re.compile("([\u3400-\u9fff]+)")
NOT_PROSE = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


class MarkChinese(SphinxPostTransform):
    """Put each run of Chinese characters into a span of its own language."""

    default_priority = 900  # after references have their text

    def run(self, **_: object) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if not HAN.search(text) or isinstance(text.parent, NOT_PROSE):
                continue
            # re.split with a group: every second part is Chinese. docutils' HTML writer makes an
            # attribute lang of a class language-...
            parts = [
                nodes.inline("", part, classes=["language-zh-Hans"]) if k % 2 else nodes.Text(part)
                for k, part in enumerate(HAN.split(text))
                if part
            ]
            text.parent.replace(text, parts)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(MarkChinese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
