"""The playground: a page on which a person tries the API in a browser.

Its own code is small (`page.html`, `page.js`); the editor is GraphiQL, whose files are fetched from npm once
(`python -m api.playground`) and then served from here: a plant's closed network reaches no CDN. Where they
were not fetched, the page takes them from a CDN. Either way the browser checks the hash of each, and the page
may run no other code. It must not know the schema beyond the queries that it shows.
"""

from api.playground.page import routes

__all__ = ["routes"]
