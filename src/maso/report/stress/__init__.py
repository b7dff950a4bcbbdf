"""What `maso stress` found, for people and for machines: one page, Markdown, a terminal, CSV, JUnit, changes.

Everything here takes `Findings` and gives text; nothing is measured, judged anew or written to a disk. Text
that came from a user's file is made legible once (`legible.py`) and escaped by each format.

    page        one self-contained HTML page
    markdown    the same for a pull request
    terminal    the short form
    tables_csv  breakpoints, decisions and accepted conditions
    junit       a test case for every budget
    compare     what changed between two findings; `changes` says it

`standing.py` and `board.py` settle what each format says; `words.py` how a figure is written. The schema of
the input is printed by `findings_schema.py`.
"""
