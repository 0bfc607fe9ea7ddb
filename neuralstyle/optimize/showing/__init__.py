"""How a run is shown while it goes on: a bar, a film of it, a page in a browser.

It may touch the wings below, and what `optimize` says of results.
"""
