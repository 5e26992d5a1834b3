"""The FLUX models of Black Forest Labs: what is sent, what is answered, and the adapter.

Facts are of the sheet of 2026-11-23 (the service's OpenAPI of 2026-05-01 and its pages
on integration, errors and prices); ``(?)`` marks what was not documented there.

The catalogue holds more, read on 2026-11-26. Of the service's own reference: the ranges
of flux-dev, who takes ``prompt_upsampling`` and ``safety_tolerance``, 20 MB and 20
megapixels for an input. Of its official skill: what further megapixels cost, an input
picture counting as one. (?) The highest seed, the longest side, the defaults of
``prompt_upsampling`` in flex and of ``dilate_pixels``; the price of erase is not known.
"""
