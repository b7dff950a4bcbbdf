"""Reading a page the way the tests need it: elements, their attributes, and whether they nest."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr", "circle", "rect", "line", "path"}


class Page(HTMLParser):
    """`elements`: (tag, attributes) in order; `faults`: what closes nothing or stays open."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.faults, self.open, self.said = [], [], [], []  # type: ignore[var-annotated]
        self.feed(source)
        self.close()
        self.faults += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]} closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.said.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.said).split())

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]

    def all(self, tag):
        return [attrs for found, attrs in self.elements if found == tag]
