"""Check the built pages: every link within them leads somewhere, and nothing is from outside.

``python docs/check_links.py docs/_build`` reads every HTML page there. A link to another site is
let pass, since whether it still leads somewhere is not known here; a script, a style sheet or a
picture from one is not, for the pages are to be read where there is no network.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PARTS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """What a page links to, what it is made of, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.parts: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in PARTS and PARTS[tag] in given:
            self.parts.append(given[PARTS[tag]])


def faults(folder: Path) -> list[str]:
    """Return a sentence for every link that leads nowhere, and every part from outside."""
    pages = {path.resolve(): Page(path.read_text("utf-8")) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        where = path.relative_to(folder.resolve())
        for link in page.links + page.parts:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                if link in page.parts and address.scheme != "data":
                    found.append(f"{where}: {link} is from outside")
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            if not target.is_file():
                found.append(f"{where}: {link} leads nowhere")
            elif address.fragment and target in pages:
                if unquote(address.fragment) not in pages[target].places:
                    found.append(f"{where}: {link} leads to no place in that page")
    return sorted({*found})


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or "every link leads somewhere, and nothing is from outside")
    sys.exit(bool(found))
