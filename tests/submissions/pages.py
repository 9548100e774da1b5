"""Text that wants to be markup, a command or a formula: in outputs, messages, sources, names."""

from .case import FULL, LOSS, POINTS, WITHOUT_LOSS, Handin, case

MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src='http://192.0.2.1/'></iframe>"
    "<style>body{display:none}</style><svg onload=alert(1)><a href='javascript:alert(1)'>x</a>"
    "<link rel=stylesheet href='http://192.0.2.1/x.css'><meta http-equiv=refresh content='0;x'>"
    "</pre></code></td></table><!-- {{ 7*7 }} {% raw %} ]]> \u202e override \x1b[2J\x1b]0;title\x07"
)


@case(FULL)
def page_outputs(s: Handin) -> None:
    """Right answers; outputs, displays and errors full of markup, escapes and overrides."""
    s.right()
    text = repr(MARKUP)
    s.own(
        f"""
        from IPython.display import HTML, SVG, Javascript, Markdown, display
        print({text})
        display(HTML({text}), Markdown({text}), Javascript("alert(1)"))
        display({{"text/html": {text}, "text/plain": {text}, "image/svg+xml": {text}}}, raw=True)
        {text}
        """,
        where="setup",
    )
    s.own(f"raise type('<b>Error</b>', (Exception,), {{}})({text})", where="setup")


@case(WITHOUT_LOSS, says="raised")
def page_messages(s: Handin) -> None:
    """An exception whose type and text are markup, in a function."""
    s.right()
    s.inside(LOSS, f"raise type('</td><script>', (Exception,), {{}})({MARKUP!r})")


@case(0)
def page_type_names(s: Handin) -> None:
    """Results whose types have markup, escapes and overrides for names."""
    s.wrong()
    odd = f"type({MARKUP!r}, (), {{}})()"
    for name in POINTS:
        s.inside(name, f"odd = {odd}\nreturn (odd,) * (2 if 'forward' in '{name}' else 5)")


@case(WITHOUT_LOSS)
def page_parameter_names(s: Handin) -> None:
    """Arguments written into, whose parameters bear names made of markup."""
    s.right()
    s.wrapped(
        LOSS,
        f"""
        import inspect

        class Loss:
            @property
            def __signature__(self):
                P = inspect.Parameter
                one = P("x", P.POSITIONAL_OR_KEYWORD)
                one._name = {MARKUP!r}
                return inspect.Signature([one], __validate_parameters__=False)

            def __call__(self, x, y, mask):
                x[...] = 0
                return 0.0, x

        {LOSS} = Loss()
        """,
    )


@case(FULL)
def page_markdown(s: Handin) -> None:
    """Right answers; text cells of markup, remote pictures, data and javascript links, formulas."""
    s.right()
    s.own(MARKUP, cell_type="markdown")
    s.own(
        "![x](http://192.0.2.1/a.png) [a](javascript:alert(1)) [b](data:text/html,<b>) "
        "[c](vbscript:x) <http://192.0.2.1> $\\href{javascript:alert(1)}{x}$ "
        "$\\text{<script>alert(1)</script>}$ $$" + "\\frac{1}{" * 300 + "}" * 300 + "$$",
        cell_type="markdown",
    )
    s.own("> " * 3000 + "deep\n\n" + "*" * 20_000 + "[" * 20_000, cell_type="markdown")
    cell = s.own("![p](attachment:p.svg)", cell_type="markdown")
    cell["attachments"] = {"p.svg": {"image/svg+xml": MARKUP, "image/png": MARKUP}}


@case(FULL)
def page_written_answer(s: Handin) -> None:
    """Right answers; the written answer, which a person opens, is markup."""
    s.right()
    written = next(
        c
        for c in s.cells
        if c["cell_type"] == "markdown" and c["metadata"].get("nbgrader", {}).get("solution")
    )
    written["source"] = MARKUP


@case(FULL)
def page_source(s: Handin) -> None:
    """Right answers; code full of markup in comments and strings, and one very long line."""
    s.right()
    s.own(f"# {MARKUP!r}\nx = {MARKUP!r}\n# " + "y" * 200_000, where="setup")


@case(FULL, student="<script>alert(1)<")
def page_student_name_markup(s: Handin) -> None:
    """The student's folder is called like a script element."""
    s.right()


@case(FULL, student='=HYPERLINK("http:192.0.2.1")')
def page_student_name_formula(s: Handin) -> None:
    """The student's folder is called like a formula of a spreadsheet."""
    s.right()


@case(FULL, student="\u202eevil\x1b[2J\nname")
def page_student_name_escapes(s: Handin) -> None:
    """The student's folder holds a direction override, a terminal escape and a line break."""
    s.right()


@case(FULL, student="#?%2e%2e&a=b;'\"` $(id)")
def page_student_name_link(s: Handin) -> None:
    """The student's folder holds what means something in links and in shells."""
    s.right()


@case(FULL, student="n" * 240)
def page_student_name_long(s: Handin) -> None:
    """The student's folder has a name of 240 characters."""
    s.right()


@case(FULL)
def page_picture(s: Handin) -> None:
    """Right answers; pictures that are no PNG, too large a PNG, a PNG with a comment of markup."""
    s.right()
    s.own(
        """
        import struct, zlib
        from IPython.display import Image, display

        def chunk(kind, data):
            crc = zlib.crc32(kind + data)
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

        head = b"\\x89PNG\\r\\n\\x1a\\n"
        size = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0))
        note = chunk(b"tEXt", b"x\\0<script>alert(1)</script>")
        for data in (head, head + b"<svg onload=alert(1)>", head + size + note, b"<svg/>"):
            display(Image(data=data, format="png"))
        """,
        where="setup",
    )
