"""The console's pages in a real browser: `make console-pages`. It is no part of the suite, since it needs a browser."""
