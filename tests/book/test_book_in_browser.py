"""The built pages in Chromium: no request to elsewhere, no script error, light and dark, print."""

import gzip
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import Browser

from autograder.book import ROOT

pytestmark = pytest.mark.slow  # the book is built for them
LIMIT_KB = 500


def transferred(addresses: list[str]) -> dict[str, int]:
    """Bytes of each file as a server sends it: compressed, except what is compressed already."""
    sizes = {}
    for address in addresses:
        file = Path(unquote(urlsplit(address).path))
        data = file.read_bytes()
        packed = file.suffix in (".woff2", ".png")
        sizes[file.name] = len(data) if packed else len(gzip.compress(data, 6))
    return sizes


def test_pages_ask_nothing_of_the_network(
    browser: Browser, book: Path, pages: list[Path], site: str
) -> None:
    browser.look()
    for page in pages:
        for base in (book.as_uri() + "/", site):
            seen = browser.visit(base + page.relative_to(book).as_posix())
            outside = [url for url in seen.requests if not url.startswith((base, "data:", "blob:"))]
            assert outside == [], page
            assert seen.complaints == [], page
            assert seen.requests, "the browser recorded nothing"


def test_pages_are_light(browser: Browser, pages: list[Path]) -> None:
    browser.look()
    weights = {}
    for page in pages:
        files = [url for url in browser.visit(page.as_uri()).requests if url.startswith("file:")]
        sizes = transferred(files)
        weights[page.name] = sum(sizes.values()) / 1000
        assert "katex.min.css" in sizes, "the browser recorded what it loaded"
    print({name: f"{kb:.0f} KB" for name, kb in weights.items()})
    assert max(weights.values()) <= LIMIT_KB, weights


@pytest.mark.parametrize("dark", [False, True])
def test_theme_follows_the_system(browser: Browser, book: Path, dark: bool) -> None:
    browser.look(dark=dark)
    page = browser.visit((book / "chapters" / "03-bptt.html").as_uri())
    assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    # Where a figure has text, it has the colour of the page's text.
    ink = "getComputedStyle(document.querySelector('.unrolled-figure')).getPropertyValue('%s')"
    text = page.evaluate("getComputedStyle(document.body).color")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i id=probe></i>')")
    page.evaluate("document.getElementById('probe').style.color = 'var(--unrolled-ink)'")
    assert page.evaluate("getComputedStyle(document.getElementById('probe')).color") == text
    assert page.evaluate(ink % "--unrolled-1").strip() == ("#62b4ee" if dark else "#0064a8")


def test_nothing_sticks_out_on_a_phone(browser: Browser, pages: list[Path]) -> None:
    browser.look(width=390, height=800)
    for page in pages:
        seen = browser.visit(page.as_uri())
        assert seen.evaluate("document.documentElement.scrollWidth") <= 390, page


# Code, outputs and displayed formulas that are wider than their place and scroll sideways.
SCROLLING = """(() => {
  document.querySelectorAll("details").forEach(folded => { folded.open = true; });
  const what = element => {
    const place = element.closest("[id^=equation-], [id^=codecell]") ?? element;
    return `${place.id} ${element.scrollWidth - element.clientWidth} px: `
      + element.textContent.trim().slice(0, 60);
  };
  return [...document.querySelectorAll("pre, .katex-display")]
    .filter(element => element.scrollWidth > element.clientWidth).map(what);
})()"""


def test_no_code_and_no_formula_scrolls_on_a_laptop(browser: Browser, pages: list[Path]) -> None:
    browser.look(width=1280)
    scrolling = [
        f"{page.name} {found}"
        for page in pages
        for found in browser.visit(page.as_uri()).evaluate(SCROLLING)
    ]
    assert scrolling == []


def test_what_scrolls_on_a_phone_is_reached_with_the_keyboard(browser: Browser, book: Path) -> None:
    browser.look(width=390)
    page = browser.visit((book / "chapters" / "03-bptt.html").as_uri())
    stops = """(() => {
      document.querySelectorAll("details").forEach(folded => { folded.open = true; });
      dispatchEvent(new Event("resize"));
      const all = [...document.querySelectorAll("pre, .katex-display")];
      const scrolling = all.filter(element => element.scrollWidth > element.clientWidth);
      return [scrolling.length, scrolling.filter(element => element.tabIndex === 0).length,
              all.filter(element => element.tabIndex === 0).length];
    })()"""
    scrolling, reached, all_stops = page.evaluate(stops)
    assert scrolling > 0
    assert reached == scrolling == all_stops


def test_the_browser_notices_what_scrolls(browser: Browser, tmp_path: Path) -> None:
    """The test above would pass with a script that finds nothing."""
    wide = tmp_path / "wide.html"
    lines = f"<pre style='width: 20em; overflow: auto'>{'x' * 80}</pre>"
    hidden = f"<details><div id='codecell1'>{lines}</div></details>"
    wide.write_text(f"{hidden}<pre>short</pre>")
    browser.look(width=1280)
    (found,) = browser.visit(wide.as_uri()).evaluate(SCROLLING)
    assert found.startswith("codecell1 ")


def test_quiz_shows_the_feedback_of_the_chosen_answer(browser: Browser, book: Path) -> None:
    browser.look()
    for chapter in sorted((book / "chapters").glob("*.html")):
        page = browser.visit(chapter.as_uri())
        visible = (
            "[...document.querySelectorAll('.quiz-feedback')].filter(f => f.offsetHeight).length"
        )
        assert page.evaluate("document.querySelectorAll('.quiz').length") >= 3, chapter
        assert page.evaluate(visible) == 0
        page.evaluate("document.querySelector('.quiz-right label').click()")
        assert page.evaluate(visible) == 1
        mark = "document.querySelector('.quiz-right .quiz-mark').innerText"
        assert page.evaluate(mark) == "✓"


def test_search_finds_words_without_a_server(browser: Browser, book: Path) -> None:
    browser.look()
    page = browser.visit((book / "search.html").as_uri() + "?q=recurrent")
    results = "document.querySelectorAll('ul.search > li').length"
    wait = f"new Promise(done => setTimeout(() => done({results}), 1500))"
    assert page.evaluate(wait) >= 3
    assert page.complaints == []


def test_print_opens_what_is_closed(browser: Browser, book: Path) -> None:
    browser.look(dark=True)
    page = browser.visit((book / "chapters" / "03-bptt.html").as_uri())
    closed = "document.querySelectorAll('details:not([open])').length"
    before = page.evaluate(closed)
    assert before > 0
    page.evaluate("dispatchEvent(new Event('beforeprint')) && 0")
    assert page.evaluate(closed) == 0
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint')) && 0")
    assert page.evaluate(closed) == before
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_what_print_opens_is_not_blank(browser: Browser, book: Path) -> None:
    """The theme fades in what is opened, and the print is taken at the beginning of that."""
    browser.look()
    page = browser.visit((book / "chapters" / "06-lstm.html").as_uri())
    fading = "(dispatchEvent(new Event('beforeprint')), document.getAnimations().length)"
    assert page.evaluate(fading) > 0  # on the screen
    page.evaluate("dispatchEvent(new Event('afterprint')) && 0")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate(fading) == 0
    shown = "[...document.querySelectorAll('%s')].filter(e => e.offsetHeight).length"
    assert page.evaluate(shown % "details.hide pre") > 0
    assert page.evaluate(shown % "details.hide > summary") == 0
    # The interactive figure is a still picture: the drawing without the handles.
    assert page.evaluate(shown % ".unrolled-interactive input") == 0
    drawing = "document.querySelector('.unrolled-interactive svg')"
    assert page.evaluate(f"{drawing}.getBoundingClientRect().height") > 100
    assert page.evaluate(f"{drawing}.children.length") > 10


def test_the_browser_notices_requests_and_errors(browser: Browser, tmp_path: Path) -> None:
    """The tests above would pass with a browser that sees nothing."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<script src='http://127.0.0.1:9/x.js'></script><script>throw new Error('boom')</script>"
    )
    seen = browser.visit(bad.as_uri())
    assert "http://127.0.0.1:9/x.js" in seen.requests
    assert any("boom" in text for text in seen.complaints)
    assert any("not loaded" in text for text in seen.complaints)


def test_favicon_and_logo_are_ours() -> None:
    for name in ("favicon.svg", "logo.svg"):
        assert (ROOT / "book" / "_static" / name).read_text().startswith("<svg")
