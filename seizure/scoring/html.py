"""A Markdown report as one HTML page that needs nothing beside it: its pictures are in it."""

import base64
import re
import struct
from html import escape
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt
from markdown_it.token import Token

from seizure.scoring.drawing import STYLE

_SHOWN_DPI = 100

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 70rem; margin: 0 auto; padding: 1rem 1.2rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin-top: 2.4rem; border-bottom: 1px solid #ddd; }
nav { font-size: .85rem; columns: 3 14rem; margin: 1rem 0; }
nav a { display: block; color: #0b6cb3; text-decoration: none; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .5rem; border-bottom: 1px solid #e4e4e4; vertical-align: top;
  white-space: nowrap; }
th { text-align: left; font-weight: 600; border-bottom: 1px solid #888; white-space: normal; }
img { display: block; max-width: 100%; height: auto; }
.picture { display: block; margin: 1.2rem 0; font-size: .85rem; color: #555; }
code { font-size: .9em; background: #f4f4f4; padding: 0 .2em; }
li, p { overflow-wrap: anywhere; }
</style>
</head>
<body>
$body
</body>
</html>
""")


class MissingPictureError(ValueError):
    """A report that shows a picture which is not there."""


def as_html(markdown: str, folder: str | Path) -> str:
    """The page of a report: its pictures, PNGs in `folder`, are embedded; no script, no link out.

    HTML in the Markdown is text, since names of files stand in it. Raises `MissingPictureError`.

    >>> "<h1 id=\\"a-b\\">a b</h1>" in as_html("# a b", ".")
    True
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    headings = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            text = tokens[place + 1].content
            token.attrSet("id", _anchor(text))
            headings.append((token.tag, text))
        for inner in token.children or ():
            if inner.type == "image":
                _embed(inner, Path(folder) / str(inner.attrGet("src")))
    parser.add_render_rule("image", _picture)
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    body = parser.renderer.render(tokens, parser.options, {})
    links = "\n".join(
        f'<a href="#{_anchor(text)}">{escape(text)}</a>' for tag, text in headings if tag == "h2"
    )
    title = headings[0][1] if headings else "Report"
    first = body.find("</h1>") + len("</h1>") if "</h1>" in body else 0
    body = f"{body[:first]}\n<nav>\n{links}\n</nav>\n{body[first:]}" if links else body
    return _PAGE.substitute(title=escape(title), body=body)


def _picture(_renderer: object, tokens: list[Token], place: int, *_: object) -> str:
    image = tokens[place]
    return (
        f'<span class="picture"><img src="{image.attrGet("src")}" width="{image.attrGet("width")}" '
        f'alt="{escape(image.content)}">{escape(image.content)}</span>'
    )


def _embed(image: Token, path: Path) -> None:
    if not path.is_file():
        raise MissingPictureError(f"{path}: the report shows it, but there is no such file")
    content = path.read_bytes()
    (width,) = struct.unpack(">I", content[16:20])  # of the header that begins every PNG
    # Text in pictures of all sizes is then about as large as the text around them.
    image.attrSet("width", str(round(width * _SHOWN_DPI / STYLE["savefig.dpi"])))
    image.attrSet("src", "data:image/png;base64," + base64.b64encode(content).decode("ascii"))


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
