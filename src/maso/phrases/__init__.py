"""The raw material of simulated text: words, and per kind of text the sentences it is joined from.

Data only, in the small notation that `text.py` compiles: `{word}` stands for one entry of a word list
or for a pattern of further words. Written for this package.
"""
