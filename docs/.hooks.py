"""What the site does to its pages: options made from the code, and tables that break well."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"\bFC[0-9]+(?:-[0-9]+)+'?|\bAE400-10")


def on_page_markdown(markdown, page, config, files):
    """Lists the options at their mark; keeps intervals and names in tables on one line."""
    if "<!-- options -->" in markdown:
        markdown = markdown.replace("<!-- options -->", f"```text\n{options()}\n```")
    lines = markdown.split("\n")
    return "\n".join(unbroken(line) if line.startswith("|") else line for line in lines)


def options():
    """What `python run.py --help` lists."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from reproduce.runtime import cli_help

    return cli_help.listing().strip()


def unbroken(row):
    """A row of a table whose intervals, verdicts and network names are not torn apart."""
    if "`" in row:  # code is shown as it stands
        return row
    row = re.sub(r"\[([\d.]+), ([\d.]+)\](?!\()", r"[\1,&nbsp;\2]", row)
    row = re.sub(r"\[[^\s\]]+–[^\s\]]+\](?!\()", r'<span class="name">\g<0></span>', row)
    row = re.sub(r"[✓≠≢?°] \\\| [^|]+(?= \|)", r'<span class="name">\g<0></span>', row)
    row = row.replace(") ≠", ")&nbsp;≠")
    return NAME.sub(lambda name: f'<span class="name">{name[0]}</span>', row)
