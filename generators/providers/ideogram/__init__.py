"""Ideogram's API: one protocol in two versions behind one connection.

Where facts come from: (s) the fact sheet of 2026-11-23; (d) the pages of
developer.ideogram.ai, read 2026-11-26, where the sheet says nothing. A (?) marks what
neither says. Nothing was tried on the live service.
"""
