"""The FLUX models of Black Forest Labs: what is sent, what is answered, and the adapter.

Facts are of the sheet of 2026-11-23 (the service's OpenAPI of 2026-05-01 and its pages
on integration, errors and prices); ``(?)`` marks what was not documented there.
"""
